//! What the numbers of a device mean: the file `pci.ids`, which distributions have of <https://pci-ids.ucw.cz>.
//!
//! A vendor stands at the beginning of a line, its devices are indented by a tab, the subsystems of a device by two; so
//! are classes, which begin with `C`, their subclasses and programming interfaces. Number and name are two spaces apart.

use super::super::parse;

/// The numbers of a device, in hexadecimal without `0x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    pub(super) vendor: String,
    pub(super) device: String,
    pub(super) subsystem_vendor: String,
    pub(super) subsystem_device: String,
    /// Class, subclass and programming interface, of two digits each.
    pub(super) class: String,
}

/// The names: where there is none, the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) vendor: String,
    pub(super) device: String,
    pub(super) subsystem_vendor: String,
    pub(super) subsystem_device: String,
    pub(super) class: String,
}

impl Names {
    /// Of a device whose numbers nobody can look up.
    pub(super) fn unknown(numbers: &Numbers) -> Self {
        Self {
            vendor: numbers.vendor.clone(),
            device: numbers.device.clone(),
            subsystem_vendor: numbers.subsystem_vendor.clone(),
            subsystem_device: numbers.subsystem_device.clone(),
            class: format!("Unknown class ({})", numbers.class),
        }
    }

    /// Looks the numbers up in the text of the file.
    pub(super) fn find(file: &[u8], numbers: &Numbers) -> Self {
        let mut names = Self::unknown(numbers);
        let subsystem = format!("{} {}", numbers.subsystem_vendor, numbers.subsystem_device);
        // What the lines above an indented one are about.
        let (mut classes, mut ours, mut path) = (false, false, Vec::new());
        for line in parse::lines(file) {
            let depth = line.iter().take_while(|byte| **byte == b'\t').count();
            let Some((number, name)) = entry(&line[depth..]) else { continue };
            if depth == 0 {
                classes = number.starts_with("C ");
                ours = number == numbers.vendor;
            }
            path.truncate(depth);
            if classes {
                let number = number.trim_start_matches("C ");
                path.push(number.to_owned());
                // The last line whose digits are all those of the device tells the most.
                let digits = path.concat();
                if digits.len() == 2 * depth + 2 && numbers.class.starts_with(&digits) {
                    names.class = name.into_owned();
                }
                continue;
            }
            match depth {
                0 => {
                    if number == numbers.subsystem_vendor {
                        names.subsystem_vendor = name.clone().into_owned();
                    }
                    if ours {
                        names.vendor = name.into_owned();
                    }
                    path = vec![number];
                }
                1 if ours => {
                    if number == numbers.device {
                        names.device = name.into_owned();
                    }
                    path.push(number);
                }
                2 if ours && path.last() == Some(&numbers.device) && number == subsystem => {
                    names.subsystem_device = name.into_owned();
                }
                _ => {}
            }
        }
        names
    }
}

/// Number and name.
fn entry(line: &[u8]) -> Option<(String, std::borrow::Cow<'_, str>)> {
    let gap = memchr::memmem::find(line, b"  ")?;
    let (number, name) = line.split_at(gap);
    let (number, name) = (number.trim_ascii(), name.trim_ascii());
    let told = !name.is_empty() && number.first() != Some(&b'#');
    told.then(|| (parse::label(number).into_owned(), parse::label(name)))
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::mangled;
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "# a comment  of two words\n\
        144d  Samsung Electronics\n\
        \ta808  SSD Controller\n\
        \t\t144d a801  SSD 970 EVO\n\
        \t\t1d49 403b  Another\n\
        \ta809  Another\n\
        \t\t144d a801  Not this one\n\
        1d49  Lenovo\n\
        \ta808  Not this one\n\
        C 01  Mass storage controller\n\
        \t06  SATA controller\n\
        \t\t02  Not this one\n\
        \t08  Non-Volatile memory controller\n\
        \t\t02  NVM Express\n\
        C 02  Network controller\n\
        \t08  Not this one\n";

    fn numbers(class: &str, subsystem: &str) -> Numbers {
        Numbers {
            vendor: "144d".to_owned(),
            device: "a808".to_owned(),
            subsystem_vendor: "1d49".to_owned(),
            subsystem_device: subsystem.to_owned(),
            class: class.to_owned(),
        }
    }

    #[test]
    fn every_number_has_its_name() {
        let names = Names::find(FILE.as_bytes(), &numbers("010802", "403b"));
        let expected = Names {
            vendor: "Samsung Electronics".to_owned(),
            device: "SSD Controller".to_owned(),
            subsystem_vendor: "Lenovo".to_owned(),
            subsystem_device: "Another".to_owned(),
            class: "NVM Express".to_owned(),
        };
        assert_eq!(names, expected);
    }

    #[test]
    fn the_nearest_class_counts_and_what_has_no_name_keeps_its_number() {
        let class = |number: &str| Names::find(FILE.as_bytes(), &numbers(number, "ffff")).class;
        assert_eq!(class("010800"), "Non-Volatile memory controller");
        assert_eq!(class("01ff02"), "Mass storage controller");
        assert_eq!(class("ff0802"), "Unknown class (ff0802)");
        let names = Names::find(FILE.as_bytes(), &numbers("", "ffff"));
        assert_eq!((names.subsystem_device.as_str(), names.class.as_str()), ("ffff", "Unknown class ()"));
        assert_eq!(Names::find(b"", &numbers("01", "1")), Names::unknown(&numbers("01", "1")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(file in mangled(FILE)) {
            let names = Names::find(&file, &numbers("010802", "403b"));
            prop_assert!(!names.vendor.is_empty() && !names.class.is_empty());
        }
    }
}

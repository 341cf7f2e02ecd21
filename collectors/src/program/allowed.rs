//! Which programs may be run.

use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// `agent.allow_commands`: globs of absolute paths. A `*` stays within a directory.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    globs: GlobSet,
    texts: Vec<String>,
}

impl PartialEq for Allowed {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

/// Why a text is none of them.
#[derive(Debug, thiserror::Error)]
pub enum GlobError {
    /// It is not a glob.
    #[error(transparent)]
    Glob(#[from] globset::Error),
    /// It would never match.
    #[error("not an absolute path")]
    Relative,
}

/// Why a program may not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRun {
    #[error("{0}: not allowed by agent.allow_commands")]
    Refused(PathBuf),
    #[error("open {0}: {1}")]
    Open(PathBuf, io::Error),
}

impl Allowed {
    /// Compiles the globs.
    ///
    /// # Errors
    /// See [`GlobError`].
    pub fn new(texts: &[String]) -> Result<Self, GlobError> {
        let mut globs = GlobSetBuilder::new();
        for text in texts {
            if !text.starts_with('/') {
                return Err(GlobError::Relative);
            }
            globs.add(GlobBuilder::new(text).literal_separator(true).build()?);
        }
        Ok(Self { globs: globs.build()?, texts: texts.to_vec() })
    }

    /// The program that a path leads to, if it may be run.
    pub(crate) fn find(&self, program: &str) -> Result<PathBuf, NotRun> {
        // Without any, nothing is told of what there is.
        if self.texts.is_empty() {
            return Err(NotRun::Refused(program.into()));
        }
        let found = Path::new(program).canonicalize();
        let found = found.map_err(|error| NotRun::Open(program.into(), error))?;
        if self.globs.is_match(&found) { Ok(found) } else { Err(NotRun::Refused(found)) }
    }

    /// Whether a program may be run, for the check of the configuration: one that is not there is judged by what is
    /// written.
    pub fn check(&self, program: &str) -> Result<(), String> {
        match self.find(program) {
            Ok(_) => Ok(()),
            Err(NotRun::Open(_, error)) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("open {program}: {error}"))
            }
            Err(NotRun::Open(..)) if self.globs.is_match(program) && !program.contains("/..") => Ok(()),
            Err(_) => Err(format!("{program}: not allowed by agent.allow_commands")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn allowed(globs: &[&str]) -> Allowed {
        Allowed::new(&globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_counts_is_where_a_path_leads() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
        std::fs::create_dir_all(root.join("plugins/deep")).unwrap();
        for name in ["plugins/good", "evil", "plugins/deep/other"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("evil"), root.join("plugins/linked")).unwrap();
        std::os::unix::fs::symlink(root.join("plugins/good"), root.join("link")).unwrap();
        let allowed = allowed(&[&at("plugins/*")]);
        assert!(allowed.find(&at("plugins/good")).is_ok() && allowed.check(&at("plugins/good")).is_ok());
        assert_eq!(allowed.find(&at("link")).unwrap(), root.join("plugins/good"));
        for wrong in
            ["evil", "plugins/linked", "plugins/../evil", "plugins/deep/other", "plugins/deep/../../evil"]
        {
            assert!(matches!(allowed.find(&at(wrong)), Err(NotRun::Refused(_))), "{wrong}");
            assert!(allowed.check(&at(wrong)).is_err(), "{wrong}");
        }
        assert!(matches!(allowed.find(&at("plugins/none")), Err(NotRun::Open(..))));
        assert!(allowed.check(&at("plugins/none")).is_ok() && allowed.check(&at("plugins/../none")).is_err());
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_said() {
        assert!(matches!(Allowed::default().find("/bin/sh"), Err(NotRun::Refused(_))));
        assert!(Allowed::default().check("/bin/sh").is_err());
        assert!(matches!(Allowed::new(&["bin/*".into()]), Err(GlobError::Relative)));
        assert!(matches!(Allowed::new(&["/bin/[".into()]), Err(GlobError::Glob(_))));
    }
}

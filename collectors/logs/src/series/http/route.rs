//! From the path of a request to its route: what differs from request to request becomes a placeholder.
//!
//! ```text
//! /users/123?page=2                                    /users/{id}
//! /files/0b0c5d1e-7f3a-4a64-9d3c-0c8f2e1b7a55.pdf      /files/{id}.pdf
//! /archive/2024-05-01;jsessionid=1A2B/hello%20world    /archive/{date}/{text}
//! ```
//!
//! One pass over the text, no expression. It errs on the side of placeholders: two routes that are told as one are
//! easier to live with than a thousand that are told apart. What it made stays as it is when it is seen again.

/// So many segments are told.
const MOST_SEGMENTS: usize = 12;

/// A longer segment is nobody's name.
const LONGEST_SEGMENT: usize = 64;

const ID: &str = "{id}";
const DATE: &str = "{date}";
const TEXT: &str = "{text}";
/// What is left of a path that is too deep.
const REST: &str = "{rest}";

/// The path of a request's target, without its query: of `/a?b`, and of `http://host/a?b`. `None` if it has none.
pub(crate) fn path_of(target: &str) -> Option<&str> {
    let end = memchr::memchr2(b'?', b'#', target.as_bytes()).unwrap_or(target.len());
    let target = &target[..end];
    if target.starts_with('/') {
        return Some(target);
    }
    let (scheme, rest) = target.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then(|| rest.find('/').map_or("/", |at| &rest[at..]))
}

/// What names are made of besides digits.
const NAME: u8 = 1;
const DIGIT: u8 = 2;
/// What has to be looked at more closely.
const OTHER: u8 = 4;
/// What ends a segment, or what counts of it.
const END: u8 = 8;

/// What each byte is: one of these.
const KINDS: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'.'
            | b'-'
            | b'_'
            | b'~'
            | b':'
            | b'+'
            | b'*'
            | b'!'
            | b'\''
            | b'('
            | b')'
            | b','
            | b'='
            | b'$'
            | b'&' => NAME,
            b'/' | b';' | b'?' | b'#' => END,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
};

/// The segments of a path, without what is empty and without parameters such as `;jsessionid=…`. A query or a fragment
/// ends it.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    Segments { rest: path }.map(|(segment, _)| segment)
}

/// See [`segments`]; each with the kinds of its bytes.
struct Segments<'p> {
    rest: &'p str,
}

impl<'p> Iterator for Segments<'p> {
    type Item = (&'p str, u8);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (text, bytes) = (self.rest, self.rest.as_bytes());
            let (mut kinds, mut len) = (0, 0);
            while let Some(byte) = bytes.get(len)
                && KINDS[usize::from(*byte)] != END
            {
                kinds |= KINDS[usize::from(*byte)];
                len += 1;
            }
            let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
            let end = match bytes.get(len) {
                Some(b';') => bytes[len..].iter().position(is_end).map_or(bytes.len(), |at| len + at),
                _ => len,
            };
            self.rest = if bytes.get(end) == Some(&b'/') { &text[end + 1..] } else { "" };
            if len > 0 {
                return Some((&text[..len], kinds));
            }
        }
        None
    }
}

/// Writes the route of `path`, which begins with a slash, over `out`.
pub(crate) fn normalise(path: &str, out: &mut String) {
    out.clear();
    for (number, (segment, kinds)) in (Segments { rest: path }).enumerate() {
        out.push('/');
        match kinds {
            _ if number == MOST_SEGMENTS => return out.push_str(REST),
            // Most are words or numbers.
            NAME if segment.len() <= LONGEST_SEGMENT => out.push_str(segment),
            DIGIT => out.push_str(ID),
            _ => push_segment(segment, out),
        }
    }
    if out.is_empty() {
        out.push('/');
    }
}

/// What the bytes of a segment are, counted.
#[derive(Default)]
struct Makeup {
    digits: usize,
    upper: usize,
    lower: usize,
    percents: usize,
    braces: usize,
    dots: usize,
    /// Neither letters nor what else a name may have.
    others: usize,
    /// An at sign that is not the first byte.
    at: bool,
}

impl Makeup {
    fn of(segment: &str) -> Self {
        let mut makeup = Self::default();
        for (place, byte) in segment.bytes().enumerate() {
            match byte {
                b'a'..=b'z' => makeup.lower += 1,
                b'0'..=b'9' => makeup.digits += 1,
                b'A'..=b'Z' => makeup.upper += 1,
                b'.' => makeup.dots += 1,
                b'%' => makeup.percents += 1,
                b'{' | b'}' => makeup.braces += 1,
                b'@' => makeup.at |= place > 0,
                _ if KINDS[usize::from(byte)] == NAME => {}
                _ => makeup.others += 1,
            }
        }
        makeup
    }
}

fn push_segment(segment: &str, out: &mut String) {
    let makeup = Makeup::of(segment);
    if makeup.others > 0 {
        return out.push_str(TEXT);
    }
    if makeup.percents > 0 {
        // What was encoded without need is a name; a slash or another percent sign in it is none.
        return match decoded(segment) {
            Some(plain) if Makeup::of(&plain).percents == 0 && !plain.contains(['/', ';', '?', '#']) => {
                push_segment(&plain, out);
            }
            _ => out.push_str(TEXT),
        };
    }
    if segment.len() > LONGEST_SEGMENT {
        return out.push_str(ID);
    }
    if makeup.digits == 0 || makeup.braces > 0 {
        // A name, or what was normalised before.
        return out.push_str(if makeup.at && makeup.dots > 0 { ID } else { segment });
    }
    if is_date(segment) {
        return out.push_str(DATE);
    }
    let letters = makeup.upper + makeup.lower;
    let is_token =
        segment.len() >= 16 && makeup.upper > 0 && makeup.lower > 0 && makeup.digits >= 2 && makeup.dots == 0;
    let is_long = segment.len() > 32 && makeup.digits >= 3 && makeup.dots == 0;
    if letters == 0 || is_token || (is_long && !has_uuid(segment)) || makeup.at {
        return out.push_str(ID);
    }
    push_parts(segment, out);
}

/// A name with what may be an id in it: `report-123456.pdf`.
fn push_parts(segment: &str, out: &mut String) {
    let bytes = segment.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if starts_with_uuid(&bytes[at..]) && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric()) {
            out.push_str(ID);
            at += UUID;
            continue;
        }
        let len = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        if len == 0 {
            // No byte of another character: those are texts.
            out.push(char::from(bytes[at]));
            at += 1;
            continue;
        }
        let part = &segment[at..at + len];
        out.push_str(if is_id(part.as_bytes()) { ID } else { part });
        at += len;
    }
}

/// Whether letters and digits without a break are an id rather than a name such as `v2`, `sha256` or `mp3`.
fn is_id(part: &[u8]) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hash = || part.len() >= 8 && digits >= 1 && part.iter().all(u8::is_ascii_hexdigit);
    digits >= 4 || digits >= 3 && digits == part.len() || digits >= 2 && part.len() >= 16 || is_hash()
}

/// How long a UUID is.
const UUID: usize = 36;

fn starts_with_uuid(bytes: &[u8]) -> bool {
    let Some(uuid) = bytes.get(..UUID) else { return false };
    let right = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    uuid.iter().enumerate().all(right) && bytes.get(UUID).is_none_or(|byte| !byte.is_ascii_alphanumeric())
}

fn has_uuid(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    (0..bytes.len().saturating_sub(UUID - 1)).any(|at| starts_with_uuid(&bytes[at..]))
}

/// `2024-05-01`, or a time that begins with it.
fn is_date(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let Some(date) = bytes.get(..10) else { return false };
    let right = |(place, byte): (usize, &u8)| match place {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    let in_time = |byte: &u8| {
        byte.is_ascii_digit() || matches!(byte, b'T' | b't' | b'Z' | b'z' | b':' | b'.' | b'+' | b'-' | b'_')
    };
    date.iter().enumerate().all(right) && bytes[10..].iter().all(in_time)
}

/// Without its percent-encoding; `None` if that is broken or is no text.
fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push((digit(0)? << 4 | digit(1)?) as u8);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn route(target: &str) -> String {
        let mut out = "before".to_owned();
        normalise(path_of(target).unwrap_or("/none"), &mut out);
        out
    }

    #[test]
    fn what_differs_from_request_to_request_is_a_placeholder() {
        for (target, expected) in [
            ("/", "/"),
            ("", "/none"),
            ("/users/123", "/users/{id}"),
            ("/users/123/", "/users/{id}"),
            ("//users///123?a=/b#c", "/users/{id}"),
            ("/users/123/orders/7", "/users/{id}/orders/{id}"),
            ("http://shop.example/users/123?x", "/users/{id}"),
            ("https://shop.example", "/"),
            ("/f/0b0c5d1e-7f3a-4a64-9d3c-0c8f2e1b7a55", "/f/{id}"),
            ("/f/0B0C5D1E-7F3A-4A64-9D3C-0C8F2E1B7A55.pdf", "/f/{id}.pdf"),
            ("/f/photo-0b0c5d1e-7f3a-4a64-9d3c-0c8f2e1b7a55.jpg", "/f/photo-{id}.jpg"),
            ("/commit/3f2a9c1b", "/commit/{id}"),
            ("/commit/12345678", "/commit/{id}"),
            ("/blob/da39a3ee5e6b4b0d3255bfef95601890afd80709", "/blob/{id}"),
            ("/static/app.3f2a9c1b.js", "/static/app.{id}.js"),
            ("/static/jquery-3.6.0.min.js", "/static/jquery-3.6.0.min.js"),
            ("/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/{id}"),
            ("/u/V1StGXR8_Z5jdHi6B-myT", "/u/{id}"),
            ("/p/507f1f77bcf86cd799439011", "/p/{id}"),
            ("/p/SKU12345", "/p/{id}"),
            ("/day/2024-05-01", "/day/{date}"),
            ("/day/2024-05-01T10:00:00.5Z", "/day/{date}"),
            ("/2024/05/01/title", "/{id}/{id}/{id}/title"),
            ("/host/10.0.0.1", "/host/{id}"),
            ("/u/bob@example.com", "/u/{id}"),
            ("/u/bob2@example.com", "/u/{id}"),
            ("/@bob", "/@bob"),
            ("/cart;jsessionid=1A2B3C/items;a=b", "/cart/items"),
            ("/search/hello%20world", "/search/{text}"),
            ("/search/%C3%84rger", "/search/{text}"),
            ("/search/ärger", "/search/{text}"),
            ("/%61dmin", "/admin"),
            ("/u/%31%32%33", "/u/{id}"),
            ("/a%2Fb", "/{text}"),
            ("/a%2561", "/{text}"),
            ("/a%zz", "/{text}"),
            ("/a%4", "/{text}"),
            ("/api/v1/items", "/api/v1/items"),
            ("/hash/sha256", "/hash/sha256"),
            ("/oauth2/token", "/oauth2/token"),
            (
                "/.well-known/acme-challenge/LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0",
                "/.well-known/acme-challenge/{id}",
            ),
            ("/wp-login.php", "/wp-login.php"),
            ("/users/{id}", "/users/{id}"),
            (
                "/0/1/2/3/4/5/6/7/8/9/10/11/12/13",
                "/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{id}/{rest}",
            ),
        ] {
            assert_eq!(route(target), expected, "{target}");
        }
    }

    #[test]
    fn what_is_no_path_has_none() {
        for target in ["*", "shop.example:443", "\u{16}\u{3}", "a b", "://x/", "-"] {
            assert_eq!(path_of(target), None, "{target:?}");
        }
    }

    fn target() -> impl Strategy<Value = String> {
        let segment = prop_oneof![
            "[a-zA-Z0-9._~@:-]{0,24}",
            "[0-9]{1,6}",
            "[a-f0-9]{6,40}",
            "[a-z]{1,5}-[0-9]{1,5}\\.[a-z]{2,3}",
            "(%[0-9a-f]{2}|[a-z;{}]){0,6}",
            "\\PC{0,5}",
            Just("0b0c5d1e-7f3a-4a64-9d3c-0c8f2e1b7a55".to_owned()),
        ];
        proptest::collection::vec(segment, 0..16).prop_map(|segments| format!("/{}", segments.join("/")))
    }

    proptest! {
        #[test]
        fn a_route_is_its_own_route_and_bounded(target in target()) {
            let once = route(&target);
            prop_assert_eq!(&route(&once), &once);
            prop_assert!(once.starts_with('/') && once.len() <= (MOST_SEGMENTS + 1) * (LONGEST_SEGMENT + 1));
            prop_assert!(once.is_ascii() && !once.contains(['?', '#', ';', '%', ' ', '"', '\\']), "{}", once);
        }

        #[test]
        fn all_numbers_and_uuids_of_a_resource_have_one_route(number in any::<u128>(), small in any::<u32>()) {
            let uuid = format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", small, small >> 16, small & 0xffff, small >> 16, u64::from(small));
            prop_assert_eq!(route(&format!("/users/{number}/x")), "/users/{id}/x");
            prop_assert_eq!(route(&format!("/users/{small}/x")), "/users/{id}/x");
            prop_assert_eq!(route(&format!("/users/{uuid}/x")), "/users/{id}/x");
        }
    }
}

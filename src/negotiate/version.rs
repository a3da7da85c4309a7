//! API versions as they are spelled in paths and media types: `/api/v2/posts`, `application/vnd.shop.v2+json`,
//! `application/json; version=2`.

use super::Representation;

/// The JSON representations of `version`, the plain one first. `current` says whether it is the one that a client gets who
/// names none.
#[must_use]
pub fn offers(project: &str, version: u32, current: Current) -> Vec<Representation> {
    let vendor = format!("application/vnd.{}", vendor_name(project));
    let plain = [Representation::new("application/json"), Representation::new(&format!("{vendor}+json"))];
    let exact = [
        Representation::new(&format!("{vendor}.v{version}+json")),
        Representation::new("application/json").with_parameter("version", version),
    ];
    let plain = plain.into_iter().filter(|_| current == Current::Yes);
    plain.chain(exact).map(|offer| offer.of_version(version)).collect()
}

/// Whether a version is what a client gets who names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// It is: the newest one, or the one the path names.
    Yes,
    /// It must be named.
    No,
}

/// The version in the first segment below `/api`: `v2` is 2. Leading zeros and other spellings are no version.
#[must_use]
pub fn of_segment(segment: &str) -> Option<u32> {
    let digits = segment.strip_prefix('v')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    plain.then(|| digits.parse().ok()).flatten()
}

/// A project's name as it may stand in a media type (RFC 6838 §4.2).
fn vendor_name(project: &str) -> String {
    let name: String = project.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "project".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        for (segment, expected) in [
            ("v1", Some(1)),
            ("v20", Some(20)),
            ("v", None),
            ("v0", None),
            ("v01", None),
            ("1", None),
            ("v1x", None),
            ("V1", None),
            ("v99999999999", None),
            ("v+1", None),
        ] {
            assert_eq!(of_segment(segment), expected, "{segment}");
        }
    }

    #[test]
    fn names_fit_into_media_types() {
        for (project, expected) in
            [("shop", "shop"), ("My Shop!", "my-shop"), ("läden/2", "l-den-2"), ("...", "project"), ("", "project")]
        {
            assert_eq!(vendor_name(project), expected);
        }
    }
}

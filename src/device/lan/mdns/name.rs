//! What a project is called in a network. Pure.

/// The longest label there is, in bytes (RFC 1035 §2.3.4).
const LONGEST: usize = 63;

/// The name of a project below `.local`; `number` tells it from others of the same name, from 2.
pub(super) fn name_of(project: &str, number: u32) -> String {
    let end = if number < 2 { String::new() } else { format!("-{number}") };
    let fit = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let label: String = project.chars().map(fit).take(LONGEST - end.len()).collect();
    let label = match label.trim_matches('-') {
        "" => "everlit",
        label => label,
    };
    format!("{label}{end}.local")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_s_name_is_one_of_a_network() {
        let check = |project: &str, number, expected: &str| assert_eq!(name_of(project, number), expected, "{project} {number}");
        check("shop", 1, "shop.local");
        check("shop", 2, "shop-2.local");
        check("my.Web_app", 1, "my-web-app.local");
        check("-_.", 1, "everlit.local");
        check("läden", 3, "l-den-3.local");
        check(&"x".repeat(99), 10, &format!("{}-10.local", "x".repeat(60)));
    }
}

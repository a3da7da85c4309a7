//! A text as a code that cameras read (QR, ISO/IEC 18004), for a terminal or a page.

use fast_qr::{ECL, QRBuilder};

/// Modules that stay light around the code: half of what the standard asks for, which every phone reads, and fits a terminal.
const MARGIN: usize = 2;

/// A code: which of its modules are dark, its margin included.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    rows: Vec<Vec<bool>>,
}

impl Code {
    /// The code of a text; `None` for one that is too long for any, some 2,900 bytes.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
        let whole = code.size + 2 * MARGIN;
        let inside = MARGIN..MARGIN + code.size;
        let is_dark = |row: usize, column: usize| {
            inside.contains(&row) && inside.contains(&column) && code[row - MARGIN][column - MARGIN].value()
        };
        Some(Self { rows: (0..whole).map(|row| (0..whole).map(|column| is_dark(row, column)).collect()).collect() })
    }

    /// How many modules it has on each side; so many columns does a terminal need.
    #[must_use]
    pub fn size(&self) -> usize {
        self.rows.len()
    }

    /// Its lines, two modules on each other in each letter. Dark is the letter's colour and light the one behind it.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.chunks(2).map(|pair| {
            let below = |column: usize| pair.get(1).is_some_and(|row| row[column]);
            let letter = |(column, above): (usize, &bool)| match (*above, below(column)) {
                (false, false) => ' ',
                (true, false) => '▀',
                (false, true) => '▄',
                (true, true) => '█',
            };
            pair[0].iter().enumerate().map(letter).collect()
        })
    }

    /// Its dark modules as the path of an SVG whose units are modules.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for (y, row) in self.rows.iter().enumerate() {
            let dark = row.iter().enumerate().filter(|(_, is_dark)| **is_dark);
            dark.for_each(|(x, _)| path.push_str(&format!("M{x} {y}h1v1h-1z")));
        }
        path
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It says what its text says, which may be a secret.
        f.debug_struct("Code").field("size", &self.size()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest there is: a port of five digits, the longest address of IPv4, TLS.
    const LONGEST: &str = "https://192.168.100.200:14747/__everlit/pair?token=0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_link_fits_a_terminal() {
        let code = Code::of(LONGEST).unwrap();
        assert_eq!((code.size(), code.lines().count()), (41, 21));
        assert!(code.lines().all(|line| line.chars().count() == 41));
    }

    #[test]
    fn lines_and_path_show_the_same_modules() {
        let code = Code::of("a").unwrap();
        let lines: Vec<Vec<char>> = code.lines().map(|line| line.chars().collect()).collect();
        for y in 0..code.size() {
            for (x, letter) in lines[y / 2].iter().enumerate() {
                let dark = if y % 2 == 0 { ['▀', '█'] } else { ['▄', '█'] }.contains(letter);
                assert_eq!(code.path().contains(&format!("M{x} {y}h1v1h-1z")), dark, "{x} {y}");
            }
        }
        // The corner of the first finder pattern, behind the margin.
        assert!(lines[0][..].iter().all(|letter| *letter == ' ') && lines[1][2] == '█');
    }

    #[test]
    fn what_is_too_long_has_no_code() {
        assert_eq!(Code::of(&"x".repeat(4000)), None);
    }
}

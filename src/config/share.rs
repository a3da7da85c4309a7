//! A share of all requests: `5%`.

use std::{fmt, str::FromStr};

use super::value::Invalid;

/// Parts of a whole; fine enough for `0.0001%`.
const WHOLE: u32 = 1_000_000;

/// Parts of a percent.
const PERCENT: f64 = 10_000.0;

/// How many of all requests, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    /// No request.
    pub const NONE: Self = Self(0);
    /// Every request.
    pub const ALL: Self = Self(WHOLE);

    /// Whether a request is among them, by a number that `below` draws from those below its argument, all alike likely.
    #[must_use]
    pub fn holds(self, below: impl FnOnce(u64) -> u64) -> bool {
        below(u64::from(WHOLE)) < u64::from(self.0)
    }

    /// A number of percent without its sign. Between nothing and one it is refused: `0.05` is written for 5% as often as for
    /// 0.05%.
    pub(super) fn bare(number: f64) -> Result<Self, Invalid> {
        if number > 0.0 && number < 1.0 {
            return Err(Invalid::must("have a percent sign, like \"5%\" or \"0.5%\": a number below 1 could mean either"));
        }
        Self::percent(number)
    }

    fn percent(number: f64) -> Result<Self, Invalid> {
        if !(0.0..=100.0).contains(&number) {
            return Err(Self::refused());
        }
        Ok(Self((number * PERCENT).round() as u32))
    }

    /// Why something is no share at all.
    pub(super) fn refused() -> Invalid {
        Invalid::must("be a share from \"0%\" to \"100%\", like \"5%\"")
    }
}

impl FromStr for Share {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = digits.parse().ok().filter(|_| plain).ok_or_else(Self::refused)?;
        if text.ends_with('%') { Self::percent(number) } else { Self::bare(number) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_of_percent() {
        const REFUSED: &str = "must be a share from \"0%\" to \"100%\", like \"5%\"";
        const UNCLEAR: &str = "must have a percent sign, like \"5%\" or \"0.5%\": a number below 1 could mean either";
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Share>().map_or_else(|invalid| invalid.to_string(), |share| share.to_string()), expected);
        };
        check("5%", "5%");
        check("5 %", "5%");
        check("5", "5%");
        check("0.05%", "0.05%");
        check("0", "0%");
        check("100%", "100%");
        check("0.05", UNCLEAR);
        for text in ["", "%", " ", "-1%", "+1%", "101%", "1e2%", "inf%", "NaN", "5%%", "1..2%", "half"] {
            check(text, REFUSED);
        }
    }

    #[test]
    fn it_holds_that_many() {
        let held = |share: &str| (0..u64::from(WHOLE)).filter(|drawn| share.parse::<Share>().unwrap().holds(|_| *drawn)).count();
        assert_eq!((held("0%"), held("5%"), held("0.0001%"), held("100%")), (0, 50_000, 1, 1_000_000));
    }
}

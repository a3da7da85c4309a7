//! Numbers as they are compared: by what they are worth, however they are written.

use serde_json::Number;

/// A number with a total order, whole numbers exact: `1`, `1.0` and `1e0` are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Quantity {
    /// The nearest double as bits that are ordered as doubles are.
    rounded: i64,
    /// What tells apart the whole numbers that share a double.
    exact: i128,
}

impl Quantity {
    /// A number out of a query. Neither infinite nor "not a number", which JSON does not have.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let whole = text.parse::<i64>().map(i128::from).or_else(|_| text.parse::<u64>().map(i128::from));
        whole.map(Self::whole).ok().or_else(|| text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::real))
    }

    pub(super) fn of(number: &Number) -> Self {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::whole).unwrap_or_else(|| Self::real(number.as_f64().unwrap_or_default()))
    }

    // `as` rounds to the nearest double here, which is what is meant.
    fn whole(number: i128) -> Self {
        Self { rounded: ordered(number as f64), exact: number }
    }

    // `as` cuts fractions and saturates; equal doubles give equal numbers either way.
    fn real(number: f64) -> Self {
        Self { rounded: ordered(number), exact: number as i128 }
    }
}

/// The order of [`f64::total_cmp`], with one zero.
fn ordered(number: f64) -> i64 {
    let bits = (number + 0.0).to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_by_worth() {
        let ascending = [
            "-1e300",
            "-9223372036854775808",
            "-2.5",
            "-2",
            "0",
            "1e-300",
            "2",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "18446744073709551615",
            "1e300",
        ];
        for pair in ascending.windows(2) {
            assert!(Quantity::parse(pair[0]) < Quantity::parse(pair[1]), "{pair:?}");
        }
        for text in ascending {
            let number: Number = text.parse().unwrap();
            assert_eq!(Some(Quantity::of(&number)), Quantity::parse(text), "{text}");
        }
    }

    #[test]
    fn however_they_are_written() {
        for (one, other) in
            [("1", "1.0"), ("1", "1e0"), ("0", "-0.0"), ("100", "1E2"), ("9007199254740992", "9007199254740992.0")]
        {
            assert_eq!(Quantity::parse(one).unwrap(), Quantity::parse(other).unwrap(), "{one} {other}");
        }
        for text in ["", "x", "inf", "-infinity", "NaN", "1e999", " 1", "1 ", "1_0", "0x10", "1,5"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}

//! The operators of conditions, and how a parameter's name spells them: `views:gte` (json-server 1), `views_gte` (0.17), and
//! `views[gte]`, which libraries make of nested objects.

/// What a condition compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    In,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
    StartsWith,
    EndsWith,
    /// A regular expression, in any case of letters.
    Like,
}

const ALL: [(&str, Operator); 11] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("in", Operator::In),
    ("gt", Operator::Greater),
    ("gte", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("lte", Operator::LessOrEqual),
    ("contains", Operator::Contains),
    ("startsWith", Operator::StartsWith),
    ("endsWith", Operator::EndsWith),
    ("like", Operator::Like),
];

impl Operator {
    pub(super) fn parse(name: &str) -> Option<Self> {
        ALL.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator)
    }

    pub(super) fn name(self) -> &'static str {
        ALL.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }
}

/// All operators, for messages.
pub(super) fn listed() -> String {
    ALL.map(|(name, _)| name).join(", ")
}

/// A parameter's name taken apart. The operator is `None` where it is none that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling<'a> {
    /// Only a member can have this name.
    Plain,
    /// `views:gte` or `views[gte]`
    Colon(&'a str, Option<Operator>),
    /// `views_gte`, which may be the name of a member as well.
    Suffix(&'a str, Option<Operator>),
}

pub(super) fn spelling(name: &str) -> Spelling<'_> {
    let whole = |(member, operator): &(&str, &str)| !member.is_empty() && !operator.is_empty();
    let parts = |separator| name.rsplit_once(separator).filter(whole);
    let bracketed = name.strip_suffix(']').and_then(|name| name.split_once('[')).filter(whole);
    match (bracketed.or_else(|| parts(':')), parts('_')) {
        (Some((member, operator)), _) => Spelling::Colon(member, Operator::parse(operator)),
        (None, Some((member, operator))) => Spelling::Suffix(member, Operator::parse(operator)),
        (None, None) => Spelling::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        check("views", Spelling::Plain);
        check("_id", Spelling::Plain);
        check(":gte", Spelling::Plain);
        check("views:", Spelling::Plain);
        check("views_", Spelling::Plain);
        check("views:gte", Spelling::Colon("views", Some(Operator::GreaterOrEqual)));
        check("a_b:c:startsWith", Spelling::Colon("a_b:c", Some(Operator::StartsWith)));
        check("views:foo_gte", Spelling::Colon("views", None));
        check("views[gte]", Spelling::Colon("views", Some(Operator::GreaterOrEqual)));
        check("author[name]", Spelling::Colon("author", None));
        check("a[b][gte]", Spelling::Colon("a", None));
        check("[gte]", Spelling::Plain);
        check("views[]", Spelling::Plain);
        check("a.b_like", Spelling::Suffix("a.b", Some(Operator::Like)));
        check("page_views_lte", Spelling::Suffix("page_views", Some(Operator::LessOrEqual)));
        check("_id_ne", Spelling::Suffix("_id", Some(Operator::NotEqual)));
        check("views_foo", Spelling::Suffix("views", None));
        check("views_GTE", Spelling::Suffix("views", None));

        fn check(name: &str, expected: Spelling<'_>) {
            assert_eq!(spelling(name), expected, "{name}");
        }
    }

    #[test]
    fn names_and_operators_are_one_to_one() {
        for (name, operator) in ALL {
            assert_eq!((Operator::parse(name), operator.name()), (Some(operator), name));
        }
    }
}

//! A text with variables in it: `Bearer ${API_TOKEN}`, `${NAME:-otherwise}`.

use super::value::Invalid;

/// The text, before its variables are known. It may stand in what is printed; what it is filled with may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable { name: String, otherwise: Option<String> },
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            let (before, variable) = rest.split_at(at);
            let end = variable.find('}').ok_or_else(|| Invalid::must("have a `}` for each `${`"))?;
            let inner = &variable["${".len()..end];
            let (name, otherwise) = inner.split_once(":-").map_or((inner, None), |(name, otherwise)| (name, Some(otherwise)));
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(Invalid::must("name a variable in each `${…}`, like `${API_TOKEN}`"));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Variable { name: name.to_owned(), otherwise: otherwise.map(str::to_owned) });
            rest = &variable[end + 1..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Whether it has variables at all.
    pub(super) fn has_variables(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
    }

    /// The text with its variables filled in.
    ///
    /// # Errors
    /// The name of one that is not known, or empty, and has no text in its place.
    pub(super) fn fill<'v>(&self, known: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
        let filled = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Variable { name, otherwise } => {
                let value = known(name).filter(|value| !value.is_empty()).map(str::to_owned);
                value.or_else(|| otherwise.clone()).ok_or_else(|| name.clone())
            }
        };
        self.0.iter().map(filled).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let known =
                |name: &str| [("A", "1"), ("EMPTY", "")].into_iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let filled = Template::parse(text).unwrap().fill(known);
            assert_eq!(filled.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check("plain $A $1 }", Ok("plain $A $1 }"));
        check("Bearer ${A}", Ok("Bearer 1"));
        check("${A}${A}-${B:-x}${EMPTY:-}", Ok("11-x"));
        check("${B}", Err("B"));
        check("${EMPTY}", Err("EMPTY"));
        assert!(!Template::parse("$A").unwrap().has_variables() && Template::parse("${A}").unwrap().has_variables());
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        let check = |text: &str, expected: &str| assert_eq!(Template::parse(text).unwrap_err().to_string(), expected, "{text}");
        check("${A", "must have a `}` for each `${`");
        check("${}", "must name a variable in each `${…}`, like `${API_TOKEN}`");
        check("${a b}", "must name a variable in each `${…}`, like `${API_TOKEN}`");
    }
}

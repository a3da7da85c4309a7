//! The programs of a folder, and which of them is run.

use crate::config::CommandLine;

/// A program that could be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// What it is asked for by; empty for one that needs no name.
    pub(super) name: String,
    /// What it is called, where the row's own name does not fit.
    pub(super) what: Option<&'static str>,
    /// Where it was found; empty when the row's files say it all.
    pub(super) why: String,
    /// What stands for `{program}`.
    pub(super) words: Vec<String>,
    /// Commands of its own.
    pub(super) build: Option<CommandLine>,
    pub(super) run: Option<CommandLine>,
    /// Globs of further sources.
    pub(super) sources: Vec<String>,
    /// A development server of its own: globs of what it does not see.
    pub(super) settings: Option<&'static [&'static str]>,
    /// A folder that its build writes to.
    pub(super) outputs: Option<&'static str>,
    pub(super) standing: Standing,
    /// Whether it has the name of its package or folder.
    pub(super) is_namesake: bool,
}

/// What is known of a program before it is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing speaks for or against it.
    #[default]
    Candidate,
    /// It opens a port, as far as can be read.
    Listens,
    /// The project itself prefers another one: it is run when it is asked for.
    OnRequest,
}

impl Program {
    pub(super) fn new(name: impl Into<String>, why: impl Into<String>, words: &[&str]) -> Self {
        Self { name: name.into(), why: why.into(), words: super::owned(words), ..Self::default() }
    }

    /// The same, behind another one that the project prefers.
    pub(super) fn on_request(self) -> Self {
        Self { standing: Standing::OnRequest, ..self }
    }
}

/// Which program is run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice<'p> {
    /// There is none.
    None,
    /// This one, and why it, when there are several.
    One(&'p Program, String),
    /// Nothing decides between these.
    Several(Vec<&'p str>),
}

/// The rule: the one that is asked for; the only one; of several the one that opens a port or has the name of its package or
/// folder. Where these two are not the same, nobody is guessed at.
pub(super) fn choose<'p>(programs: &'p [Program], wanted: Option<&str>) -> Choice<'p> {
    if let Some(name) = wanted {
        let asked = programs.iter().find(|program| program.name == name);
        return asked.map_or(Choice::None, |program| Choice::One(program, ", asked for by `program`".to_owned()));
    }
    let of_standing =
        |wanted: &[Standing]| -> Vec<&Program> { programs.iter().filter(|program| wanted.contains(&program.standing)).collect() };
    let candidates = of_standing(&[Standing::Candidate, Standing::Listens]);
    let listeners = of_standing(&[Standing::Listens]);
    let namesakes: Vec<_> = candidates.iter().copied().filter(|program| program.is_namesake).collect();
    let one = |program: &'p Program, why: &str| Choice::One(program, format!("{why}{}", others(&candidates, program)));
    match (candidates.as_slice(), listeners.as_slice(), namesakes.as_slice()) {
        ([], _, _) => Choice::None,
        ([program], _, _) => Choice::One(program, String::new()),
        (_, [program], []) => one(program, ", which opens a port"),
        (_, listeners, [program]) if listeners.is_empty() || listeners.contains(program) => one(program, ", by its name"),
        _ => Choice::Several(candidates.iter().map(|program| program.name.as_str()).collect()),
    }
}

/// How the programs that were not chosen are had.
fn others(candidates: &[&Program], chosen: &Program) -> String {
    let names = candidates.iter().filter(|program| program.name != chosen.name).map(|program| program.name.as_str());
    format!("; `--program` runs another: {}", names.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_chosen_by_a_rule() {
        let plain = |name: &str| Program::new(name, "", &[]);
        let listens = |name: &str| Program { standing: Standing::Listens, ..plain(name) };
        let namesake = |program: Program| Program { is_namesake: true, ..program };
        let check = |programs: &[Program], wanted, expected: &str| {
            let shown = match choose(programs, wanted) {
                Choice::None => "none".to_owned(),
                Choice::One(program, why) => format!("{}{why}", program.name),
                Choice::Several(names) => format!("several: {}", names.join(", ")),
            };
            assert_eq!(shown, expected, "{programs:?}");
        };
        let other = "; `--program` runs another: b";
        check(&[], None, "none");
        check(&[plain("a").on_request()], None, "none");
        check(&[plain("a"), plain("b").on_request()], None, "a");
        check(&[plain("a"), plain("b")], None, "several: a, b");
        check(&[listens("a"), plain("b")], None, &format!("a, which opens a port{other}"));
        check(&[namesake(plain("a")), plain("b")], None, &format!("a, by its name{other}"));
        check(&[namesake(listens("a")), listens("b")], None, &format!("a, by its name{other}"));
        check(&[namesake(plain("a")), listens("b")], None, "several: a, b");
        check(&[listens("a"), listens("b")], None, "several: a, b");
        check(&[plain("a"), plain("b").on_request()], Some("b"), "b, asked for by `program`");
        check(&[plain("a")], Some("b"), "none");
    }
}

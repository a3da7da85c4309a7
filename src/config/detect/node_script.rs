//! What a `package.json` script does about changes: whether it notices them by itself.

/// Who notices a change in the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Watches {
    /// Nobody: it is started anew.
    Nothing,
    /// A wrapper that starts the program anew, and has no idea whether somebody is being answered.
    Restarting,
    /// A bundler's development server, which puts changes into the page itself.
    Updating,
    /// The same, and it starts itself anew when its own settings change.
    Everything,
}

/// Programs that serve and update. With `But`, all their subcommands do except these; with `Only`, none except these does.
const SERVERS: [(&str, When); 29] = [
    ("angular", When::Only(&["serve", "dev"])),
    ("astro", When::But(&["build", "preview", "check", "sync", "add"])),
    ("docusaurus", When::Only(&["start"])),
    ("eleventy", When::Only(&["--serve", "--watch"])),
    ("@11ty/eleventy", When::Only(&["--serve", "--watch"])),
    ("expo", When::Only(&["start"])),
    ("farm", When::But(&["build", "preview"])),
    ("gatsby", When::Only(&["develop", "dev"])),
    ("ng", When::Only(&["serve", "dev"])),
    ("next", When::But(&["build", "start", "export", "lint", "info", "telemetry", "typegen"])),
    ("nuxi", When::Only(&["dev"])),
    ("nuxt", When::But(&["build", "generate", "preview", "start", "prepare"])),
    ("parcel", When::But(&["build"])),
    ("quasar", When::Only(&["dev"])),
    ("react-router", When::Only(&["dev"])),
    ("react-scripts", When::Only(&["start"])),
    ("remix", When::Only(&["dev", "vite:dev", "watch"])),
    ("rsbuild", When::But(&["build", "preview", "inspect"])),
    ("rspack", When::Only(&["serve", "dev", "server"])),
    ("snowpack", When::Only(&["dev"])),
    ("solid-start", When::Only(&["dev"])),
    ("storybook", When::Only(&["dev"])),
    ("svelte-kit", When::Only(&["dev"])),
    ("vinxi", When::Only(&["dev"])),
    ("vite", When::But(&["build", "preview", "optimize"])),
    ("vue-cli-service", When::Only(&["serve"])),
    ("webpack", When::Only(&["serve", "server", "s"])),
    ("webpack-dev-server", When::But(&[])),
    ("wrangler", When::Only(&["dev"])),
];

/// Those of them that start themselves anew when their own settings change, and reload their pages then. Were they started anew by
/// us as well, each page would be reloaded twice.
const SELF_STARTING: [&str; 12] = [
    "@11ty/eleventy",
    "astro",
    "eleventy",
    "farm",
    "next",
    "nuxi",
    "nuxt",
    "react-router",
    "rsbuild",
    "svelte-kit",
    "vinxi",
    "vite",
];

/// Programs that start another one anew; `--watch` and `--hot` make one of any.
const WRAPPERS: [(&str, When); 8] = [
    ("nodemon", When::But(&[])),
    ("node-dev", When::But(&[])),
    ("node-supervisor", When::But(&[])),
    ("supervisor", When::But(&[])),
    ("ts-node-dev", When::But(&[])),
    ("tsnd", When::But(&[])),
    ("tsx", When::Only(&["watch"])),
    ("pm2-dev", When::But(&[])),
];

/// Options by which a runtime starts its program anew.
const WATCH_OPTIONS: [&str; 3] = ["--watch", "--hot", "--watch-path"];

/// Words that stand before the program they run.
const PREFIXES: [&str; 12] =
    ["npx", "bunx", "pnpx", "exec", "dlx", "x", "env", "cross-env", "cross-env-shell", "dotenv", "dotenvx", "--"];

/// Programs that run a file of JavaScript.
const RUNTIMES: [&str; 3] = ["bun", "deno", "node"];

/// Programs that run a script of the same `package.json`, or a prefix's word behind them.
const RUNNERS: [&str; 5] = ["npm", "yarn", "pnpm", "bun", "deno"];

/// Where compilers and bundlers put what they build.
const OUTPUTS: [&str; 5] = ["dist", "build", "out", ".output", "lib"];

/// How many scripts may call one another. Deeper ones are somebody's private build system, which is not guessed at.
const DEEPEST: usize = 4;

enum When {
    But(&'static [&'static str]),
    Only(&'static [&'static str]),
}

impl When {
    fn holds(&self, options: &[&str]) -> bool {
        match self {
            Self::But(others) => !options.iter().any(|option| others.contains(option)),
            Self::Only(these) => options.iter().any(|option| these.contains(option)),
        }
    }
}

/// What `script` does, following those it calls; `lookup` gives a script's text by its name.
pub(super) fn watches<'s>(script: &'s str, lookup: &impl Fn(&str) -> Option<&'s str>) -> Watches {
    watches_within(script, lookup, DEEPEST)
}

fn watches_within<'s>(script: &'s str, lookup: &impl Fn(&str) -> Option<&'s str>, depth: usize) -> Watches {
    let by_command = commands(script).map(|words| match called(&words) {
        Some(from_name) => match from_name.first().and_then(|name| lookup(name)) {
            Some(text) => depth.checked_sub(1).map_or(Watches::Nothing, |depth| watches_within(text, lookup, depth)),
            None => watches_itself(&words).max(watches_itself(from_name)),
        },
        None => watches_itself(&words),
    });
    by_command.max().unwrap_or(Watches::Nothing)
}

/// Whether every command of `script` is a runtime, which is found without `node_modules/.bin`.
pub(super) fn is_plain(script: &str) -> bool {
    commands(script).all(|words| program(&words).is_some_and(|(name, _)| RUNTIMES.contains(&name)))
}

/// The folder of built files that `script` runs from; such a script runs what was saved before the last build.
pub(super) fn output_folder(script: &str) -> Option<&'static str> {
    let first_segment = |word: &str| word.trim_start_matches("./").split('/').next().map(str::to_owned);
    let mut segments = commands(script).flatten().filter(|word| word.contains('/')).filter_map(first_segment);
    segments.find_map(|segment| OUTPUTS.into_iter().find(|output| *output == segment))
}

/// The simple commands of a shell line, prefixes and assignments taken off. Quotes separate as well: `concurrently "a" "b"`.
fn commands(script: &str) -> impl Iterator<Item = Vec<&str>> {
    let parts = script.split(['&', '|', ';', '(', ')', '"', '\'', '\n']);
    parts.map(|part| part.split_whitespace().collect::<Vec<_>>()).filter(|words| !words.is_empty())
}

/// The program of a command, without its folder, and its arguments.
fn program<'w>(words: &'w [&'w str]) -> Option<(&'w str, &'w [&'w str])> {
    let at = words.iter().position(|word| !is_prefix(word) && !word.starts_with('-'))?;
    let (program, arguments) = words.get(at..)?.split_first()?;
    let program = program.strip_prefix("npm:").unwrap_or(program);
    let name = if program.starts_with('@') { program } else { program.rsplit('/').next().unwrap_or(program) };
    if RUNNERS.contains(&name) && arguments.first().is_some_and(|word| is_prefix(word)) {
        return self::program(arguments);
    }
    Some((name, arguments))
}

fn is_prefix(word: &str) -> bool {
    let assignment = word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    PREFIXES.contains(&word) || assignment
}

/// The words of `npm run NAME` and its like from the name on, which is a script's or a command's.
fn called<'w>(words: &'w [&'w str]) -> Option<&'w [&'w str]> {
    let (_, arguments) = program(words).filter(|(name, _)| RUNNERS.contains(name))?;
    let at = arguments.iter().position(|word| !matches!(*word, "run" | "run-script" | "task") && !word.starts_with('-'))?;
    arguments.get(at..)
}

fn watches_itself(words: &[&str]) -> Watches {
    let Some((name, arguments)) = program(words) else { return Watches::Nothing };
    let is_in = |table: &[(&str, When)]| table.iter().any(|(known, when)| *known == name && when.holds(arguments));
    let has_option = arguments.iter().any(|word| WATCH_OPTIONS.contains(&word.split('=').next().unwrap_or(word)));
    if is_in(&SERVERS) {
        if SELF_STARTING.contains(&name) { Watches::Everything } else { Watches::Updating }
    } else if is_in(&WRAPPERS) || has_option {
        Watches::Restarting
    } else {
        Watches::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_watch() {
        let scripts = [("serve", "vite"), ("loop", "npm run loop"), ("api", "nodemon api.js")];
        let lookup = |name: &str| scripts.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        let check = |script, expected| assert_eq!(watches(script, &lookup), expected, "{script}");
        for script in [
            "vite",
            "vite --host --port 3000",
            "next dev --turbo",
            "next",
            "NODE_ENV=development cross-env A=1 nuxt dev",
            "npx astro dev",
            "npx @11ty/eleventy --serve",
            "npm run serve -- --host",
            "pnpm serve",
            "pnpm exec vite",
            "yarn vite --host",
            "npx --yes vite",
            "concurrently \"nodemon api.js\" 'vite'",
            "concurrently \"npm run api\" \"npm run serve\"",
            "deno run -A npm:vite",
            "deno task serve",
        ] {
            check(script, Watches::Everything);
        }
        for script in ["./node_modules/.bin/webpack serve --open", "ng serve", "react-scripts start", "gatsby develop"] {
            check(script, Watches::Updating);
        }
        for script in ["nodemon server.js", "node --watch server.js", "node --watch-path=./src a.js", "tsx watch src/a.ts"] {
            check(script, Watches::Restarting);
        }
        for script in ["ts-node-dev --respawn a.ts", "bun --hot run server.ts", "yarn api", "nest start --watch"] {
            check(script, Watches::Restarting);
        }
        for script in ["node server.js", "vite build && node server.js", "next start", "tsx src/a.ts", "npm run loop", ""] {
            check(script, Watches::Nothing);
        }
        for script in ["webpack && node dist/server.js", "remix-serve build", "echo vite-like", "node ./vite-config/server.js"] {
            check(script, Watches::Nothing);
        }
    }

    #[test]
    fn folders_of_built_files() {
        let check = |script, expected| assert_eq!(output_folder(script), expected, "{script}");
        check("node dist/server.js", Some("dist"));
        check("PORT=3000 node --enable-source-maps ./build/index.mjs", Some("build"));
        check("node src/build/index.js", None);
        check("node server.js dist", None);
    }

    #[test]
    fn programs_that_need_no_folder_of_packages() {
        let check = |script, expected| assert_eq!(is_plain(script), expected, "{script}");
        check("node server.js", true);
        check("PORT=3000 node a.js && node b.js", true);
        check("tsx server.ts", false);
    }
}

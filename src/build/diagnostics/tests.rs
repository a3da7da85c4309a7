//! What real tools printed, and anything else.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::*;

/// What reading as much as is kept may take, unoptimized and on a busy machine. It is over in a hundredth of it in a release build.
const AT_MOST: Duration = Duration::from_secs(10);

/// The text of a file that holds what a tool printed in `/p/app`.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("samples/", $name, ".txt"))
    };
}

fn ground() -> Ground<'static> {
    Ground { dir: Path::new("/p/app"), root: Path::new("/p/app") }
}

fn words(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(|found| format!("{} {}: {}", found.severity.name(), found.place(), found.message)).collect()
}

fn check_build(text: &str, expected: &[&str]) {
    assert_eq!(words(&in_build(text, ground())), expected, "{text}");
}

fn check_end(text: &str, expected: &[&str]) {
    assert_eq!(words(&in_last_words(text, ground())), expected, "{text}");
}

fn check_help(text: &str, expected: &str) {
    assert_eq!(in_build(text, ground())[0].help, expected, "{text}");
}

#[test]
fn go() {
    check_build(
        sample!("go-build"),
        &[
            "error main.go:5:2: \"os\" imported and not used",
            "error main.go:11:14: undefined: undefinedGreeting",
            "error main.go:12:6: declared and not used: x",
            "error main.go:12:14: cannot use \"a\" (untyped string constant) as int value in variable declaration",
            "error main.go:13:8: not enough arguments in call to price\n\thave (string)\n\twant (string, int)",
        ],
    );
    check_build(sample!("go-vet"), &["error main.go:6:14: fmt.Printf format %d has arg \"a\" of wrong type string"]);
    check_build(sample!("go-vet-types"), &["error main.go:11:14: undefined: undefinedGreeting"]);
    check_build(sample!("go-test"), &["error main_test.go:7: price = 2, want 3"]);
    check_end(sample!("go-panic"), &["error store/store.go:6: panic: assignment to entry in nil map"]);
    check_end(sample!("go-deadlock"), &["error main.go:8: fatal error: all goroutines are asleep - deadlock!"]);
    let spaced = "panic: no\n\ngoroutine 1 [running]:\nmain.main()\n\t/p/app/a b/main.go:6 +0x2e\n";
    check_end(spaced, &["error a b/main.go:6: panic: no"]);
    let served = "error main.go:12: panic: runtime error: invalid memory address or nil pointer dereference";
    check_end(sample!("go-http-panic"), &[served]);
}

#[test]
fn rust() {
    check_build(sample!("rustc"), &["error src/main.rs:6:22: mismatched types"]);
    check_end(sample!("rust-panic"), &["error src/store.rs:2:10: panicked: called `Option::unwrap()` on a `None` value"]);
    let bounds = "error src/main.rs:3:11: panicked: index out of bounds: the len is 0 but the index is 1";
    check_end(sample!("rust-panic-backtrace"), &[bounds]);
    check_end(
        "thread 'main' panicked at 'no lamp', src/main.rs:2:5\nnote: run with `RUST_BACKTRACE=1`",
        &["error src/main.rs:2:5: panicked: no lamp"],
    );
}

#[test]
fn typescript() {
    let three = [
        "error a.ts:2:36: TS2322: Type 'string' is not assignable to type 'number'.",
        "error a.ts:3:18: TS2339: Property 'colour' does not exist on type 'Lamp'.",
        "error a.ts:5:8: TS2554: Expected 1 arguments, but got 2.",
    ];
    check_build(sample!("tsc"), &three);
    check_build(sample!("tsc-pretty"), &three);
    check_build(sample!("esbuild"), &["error b.ts:2:11: Unexpected \";\"", "error c.ts:1:19: Could not resolve \"./none\""]);
    check_build(sample!("esbuild-colour"), &["error d.ts:1:39: Could not resolve \"react\""]);
    let proposal = "You can mark the path \"react\" as external to exclude it from the bundle, which will remove this error.";
    check_help(sample!("esbuild-colour"), proposal);
    check_build(
        sample!("vite"),
        &[
            "error m.ts:1:19: [UNRESOLVED_IMPORT] Could not resolve './none' in m.ts",
            "error m.ts:2:11: [builtin:vite-transform] Unexpected token",
        ],
    );
    check_build("app/[id]/page.ts:1:2: ERROR: no\n", &["error app/[id]/page.ts:1:2: ERROR: no"]);
    check_build("app/(shop)/[id].ts(1,2): error TS1005: no\n", &["error app/(shop)/[id].ts:1:2: TS1005: no"]);
    let chain = "src/a.ts(3,5): error TS2322: Type 'A' is not assignable to type 'B'.\n  Property 'x' is missing in type 'A'.\n";
    check_build(
        chain,
        &["error src/a.ts:3:5: TS2322: Type 'A' is not assignable to type 'B'.\n  Property 'x' is missing in type 'A'."],
    );
}

#[test]
fn c() {
    check_build(
        sample!("gcc"),
        &[
            "error m.c:3:36: ‘l’ is a pointer; did you mean to use ‘->’?",
            "error m.c:7:10: too many arguments to function ‘cost’",
            "error i.c:2:16: expected ‘=’, ‘,’, ‘;’, ‘asm’ or ‘__attribute__’ before ‘{’ token",
            "error i.c:3: expected ‘{’ at end of input",
            "warning m.c:6:12: format ‘%s’ expects argument of type ‘char *’, but argument 2 has type ‘int’ [-Wformat=]",
            "warning m.c:7:15: passing argument 1 of ‘cost’ makes pointer from integer without a cast [-Wint-conversion]",
            "warning m.c:5:7: unused variable ‘unused’ [-Wunused-variable]",
            "warning m.c:3:44: control reaches end of non-void function [-Wreturn-type]",
        ],
    );
    assert_eq!(in_build(sample!("gcc"), ground())[1].help, "m.c:3:5: declared here");
    check_build("x.c:3: error: no\n", &["error x.c:3: no"]);
    check_build("web/a b.go:1:2: no\n", &["error web/a b.go:1:2: no"]);
    check_build("Makefile:3: *** missing separator.  Stop.\n", &["error Makefile:3: *** missing separator.  Stop."]);
    check_build("\u{1b}[1m../lib/a.h:1:2: \u{1b}[0m\u{1b}[31mfatal error: \u{1b}[0mbad", &["error /p/lib/a.h:1:2: bad"]);
}

#[test]
fn python() {
    check_end(
        sample!("python-app"),
        &[
            "error lib.py:7: RuntimeError: cannot load x",
            "error lib.py:5: json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ],
    );
    check_end(
        sample!("python-during"),
        &["error during.py:4: ZeroDivisionError: division by zero", "error during.py:2: KeyError: 'a'"],
    );
    check_end(sample!("python-syn"), &["error syn.py:2: SyntaxError: '(' was never closed"]);
    check_end(sample!("python-name"), &["error name.py:2: NameError: name 'grete' is not defined"]);
    check_end(sample!("python-imp"), &["error imp.py:1: ModuleNotFoundError: No module named 'flaskk'"]);
    let indented = "error ind.py:2: IndentationError: expected an indented block after function definition on line 1";
    check_end(sample!("python-ind"), &[indented]);
    check_end(sample!("python-thr"), &["error thr.py:3: ValueError: in a thread"]);
    check_end(sample!("python-grp"), &["error grp.py:1: ExceptionGroup: many (2 sub-exceptions)"]);
    check_build(
        "/p/app/a.py:3: SyntaxWarning: invalid escape sequence '\\d'",
        &["warning a.py:3: SyntaxWarning: invalid escape sequence '\\d'"],
    );
    check_end(sample!("python-flask"), &["error web.py:6: NameError: name 'prices' is not defined"]);
}

#[test]
fn node() {
    check_end(sample!("node-syn"), &["error syn.js:2:7: SyntaxError: Unexpected token ';'"]);
    check_end(sample!("node-esyn"), &["error syn2.mjs:1:18: SyntaxError: Unexpected token ';'"]);
    check_end(sample!("node-ref"), &["error ref.js:2:3: ReferenceError: nope is not defined"]);
    check_end(sample!("node-esm"), &["error lib.mjs:2:9: TypeError: broken", "error lib.mjs:2:42: Error: the disk is full"]);
    let missing = "error mis.mjs:1:10: SyntaxError: The requested module './lib.mjs' does not provide an export named 'missing'";
    check_end(sample!("node-mis"), &[missing]);
    check_end(sample!("node-req"), &["error req.js:1:1: Error: Cannot find module 'express-nope'"]);
    let not_found = "Cannot find module '/p/app/none.mjs' imported from /p/app/nonef.mjs";
    check_end(sample!("node-nonef"), &[&format!("error nonef.mjs: Error [ERR_MODULE_NOT_FOUND]: {not_found}")]);
    check_end(sample!("node-enoent"), &["error enoent.js:1:30: Error: ENOENT: no such file or directory, open '/nope'"]);
    check_end(sample!("node-obj"), &["error obj.js:1:1: uncaught: { code: 3 }"]);
    let logged = "TypeError: no\n    at f (file:///p/app/with%20blank.js:3:5)\n    at node:internal/x:1:1\n";
    check_end(logged, &["error with blank.js:3:5: TypeError: no"]);
    let grouped = "TypeError: no\n    at f (/p/app/(shop)/a b/c.js:3:5)\n";
    check_end(grouped, &["error (shop)/a b/c.js:3:5: TypeError: no"]);
    let package = "Error: no\n    at f (/p/app/node_modules/x/i.js:1:1)\n    at async Promise.all (index 0)\n    at async g (/p/app/a.ts:3:5)\n";
    check_end(package, &["error a.ts:3:5: Error: no"]);
}

#[test]
fn others() {
    check_build(
        sample!("javac"),
        &[
            "error Shop.java:3:21: incompatible types: String cannot be converted to int",
            "error Shop.java:4:9: cannot find symbol\n  symbol:   variable lamp\n  location: class Shop",
        ],
    );
    let cause = "java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"<parameter1>\" is null";
    check_end(
        sample!("java"),
        &["error Run.java:4: java.lang.IllegalStateException: no price", &format!("error Run.java:2: {cause}")],
    );
    check_build("[ERROR] /p/app/src/Shop.java:[3,21] incompatible types", &["error src/Shop.java:3:21: incompatible types"]);
    check_build("w: file:///p/app/Main.kt:3:9 Variable 'x' is never used", &["warning Main.kt:3:9: Variable 'x' is never used"]);
    check_end(sample!("ruby"), &["error a.rb:2: NameError: undefined local variable or method `nope' for main:Object"]);
    check_build(sample!("ruby-syntax"), &["error s.rb:2:3: syntax error, unexpected integer literal, expecting ')'"]);
    check_end(sample!("php"), &["error a.php:2: Error: Call to undefined function nope()"]);
    check_build(sample!("php-syntax"), &["error s.php:2: syntax error, unexpected token \";\""]);
    let dotnet = "/p/app/Program.cs(3,5): error CS1002: ; expected [/p/app/App.csproj]";
    check_build(&format!("{dotnet}\n{dotnet}\n"), &["error Program.cs:3:5: CS1002: ; expected"]);
}

#[test]
fn other_lines_are_left_alone() {
    let lines = "12:30:05: all well\nhttp://localhost:8080: up\nlistening on 127.0.0.1:80: yes\nerror: could not compile\n\
                 2026/11/29 12:00:00 main.go:12: listening\nListening on http://localhost:3000 (pid 12)\nv1.2.3: released\n";
    check_build(lines, &[]);
    check_end(lines, &[]);
}

#[test]
fn the_last_trace_of_a_program_comes_first() {
    let traces = [sample!("python-name"), sample!("python-imp")].concat();
    let found = in_last_words(&traces, ground());
    assert_eq!(found.iter().map(Diagnostic::place).collect::<Vec<_>>(), ["imp.py:1", "name.py:2"]);
}

#[test]
fn a_huge_output_takes_bounded_time() {
    let begins = [
        "Traceback (most recent call last):",
        "Error: x",
        "thread 'a' panicked at ",
        "a.c:1:",
        "panic: ",
        "",
        "a(",
        "/a.js:3",
        "error: ",
        "    at ",
    ];
    for begin in begins {
        for line in [begin.to_owned(), format!("{begin}{}", "a.b:".repeat(16_000))] {
            let text = format!("{line}\n").repeat(64 * 1024 / (line.len() + 1) + 1);
            let began = Instant::now();
            let _ = (in_build(&text, ground()), in_last_words(&text, ground()));
            assert!(began.elapsed() < AT_MOST, "{begin:?}: {:?}", began.elapsed());
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(\\PC|\n|\t|\x1b\\[1m){0,400}") {
        let _ = (in_build(&text, ground()), in_last_words(&text, ground()), Message::parse(&text));
    }

    /// What tools print, shuffled, cut and mixed.
    #[test]
    fn any_mixture_is_read(picks in proptest::collection::vec((0..SAMPLES.len(), 0..40_usize, 0..200_usize), 0..60)) {
        let line = |(sample, at, length): (usize, usize, usize)| {
            let line = SAMPLES[sample].lines().nth(at).unwrap_or_default();
            plain::cut(line, length).to_owned() + "\n"
        };
        let text: String = picks.into_iter().map(line).collect();
        let found = in_build(&text, ground());
        prop_assert!(found.len() <= LIMIT);
        prop_assert!(in_last_words(&text, ground()).len() <= LIMIT);
    }
}

const SAMPLES: [&str; 14] = [
    sample!("go-build"),
    sample!("go-http-panic"),
    sample!("rustc"),
    sample!("rust-panic-backtrace"),
    sample!("tsc-pretty"),
    sample!("esbuild-colour"),
    sample!("vite"),
    sample!("gcc"),
    sample!("python-app"),
    sample!("python-grp"),
    sample!("node-esm"),
    sample!("node-req"),
    sample!("java"),
    sample!("ruby"),
];

//! Saves as the programs themselves make them, on a disk and in memory. A program that is missing fails the test.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use super::{Bench, LAST, Reported, reported, write};

/// Where projects are made: a file system in memory, and whatever holds temporary files.
fn places() -> [PathBuf; 2] {
    ["/dev/shm".into(), env::temp_dir()]
}

/// The files each save begins with.
const FILES: &[&str] = &[
    "project/static/site.css=a { color: old }\n",
    "project/static/page.css=b { color: old }\n",
    "project/index.html=<p>old</p>\n",
    "other/static/site.css=a { color: new }\n",
    "other/static/page.css=b { color: new }\n",
    "other/static/more.css=c { color: new }\n",
    "other/index.html=<p>new</p>\n",
];

/// How many change sets a save may be.
#[derive(Clone, Copy, Debug)]
enum Sets {
    /// One, however slow the machine.
    One,
    /// One, or two where the machine pauses the program between two of its files.
    OneUnlessPaused,
}

/// Runs a shell script in the project after another one that prepares it; expects each of these files to be told once.
fn check(prepare: &str, script: &str, sets: Sets, expected: &[&str]) {
    for place in places() {
        let mut bench = Bench::below(&place, FILES, |root| run(root, prepare));
        bench.settle();
        let told = told_of(&mut bench, script);
        let all: Vec<_> = told.iter().flatten().collect();
        let union: Reported = all.iter().map(|&(path, kind)| (path.clone(), *kind)).collect();
        assert_eq!(union, reported(expected), "{script} in {}", place.display());
        assert_eq!(all.len(), union.len(), "told twice by {script} in {}: {told:?}", place.display());
        let most = match sets {
            Sets::One => 1,
            Sets::OneUnlessPaused => 2,
        };
        assert!(told.len() <= most, "{script} in {}: {told:?}", place.display());
    }
}

/// The change sets of a script, without the save that ends them.
fn told_of(bench: &mut Bench, script: &str) -> Vec<Reported> {
    let (root, script) = (bench.root(), script.to_owned());
    let program = thread::spawn(move || {
        run(&root, &script);
        write(&root.join(LAST), "the program has ended");
    });
    let mut told = Vec::new();
    loop {
        let mut set = bench.next();
        let is_last = set.remove(Path::new(LAST)).is_some();
        if !set.is_empty() {
            told.push(set);
        }
        if is_last {
            program.join().expect("the program does what it should");
            return told;
        }
    }
}

fn run(folder: &Path, script: &str) {
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    command.env("HOME", folder.with_file_name("home")).env("GIT_CONFIG_NOSYSTEM", "1").env("TERM", "dumb");
    let ended = command.status().expect("a shell");
    assert!(ended.success(), "{script}: {ended}. vim, emacs-nox, git, rsync, unzip and zip must be installed");
}

/// Saves in vim with these settings.
fn vim(settings: &str) {
    let keys = format!("vim -N -u NONE -i NONE -es '+set {settings}' '+%s/old/new/' '+wq' static/site.css");
    check("", &keys, Sets::One, &["+static/site.css"]);
}

#[test]
fn vim_saves_in_each_of_its_ways() {
    for copy in ["yes", "no", "auto", "yes,breakhardlink"] {
        for backup in ["nobackup writebackup", "nobackup nowritebackup", "backup", "backup backupdir=/tmp"] {
            vim(&format!("backupcopy={copy} {backup}"));
        }
    }
}

#[test]
fn vim_with_a_swap_file_saves_one_file() {
    let keys = "vim -N -u NONE -i NONE --not-a-term '+set updatecount=1' '+%s/old/new/' '+wq' static/site.css 2>&1";
    check("", keys, Sets::One, &["+static/site.css"]);
}

fn emacs(settings: &str) {
    let edit = "(progn (while (search-forward \"old\" nil t) (replace-match \"new\")) (save-buffer))";
    let script = format!("emacs -Q --batch static/site.css --eval '{settings}' --eval '{edit}' 2>/dev/null");
    check("", &script, Sets::One, &["+static/site.css"]);
}

#[test]
fn emacs_saves_in_each_of_its_ways() {
    for settings in [
        "(setq make-backup-files t)",
        "(setq make-backup-files nil)",
        "(setq backup-by-copying t)",
        "(setq file-precious-flag t)",
        "(setq create-lockfiles t auto-save-visited-mode nil)",
    ] {
        emacs(settings);
    }
}

#[test]
fn editors_that_write_in_place_or_beside_save_one_file() {
    // VS Code truncates and writes; JetBrains' safe write, Sublime's and GNOME's atomic save write beside and rename.
    let write = "sub save { open my $f, q(>), shift; print $f qq(a { color: new }\\n); close $f }";
    for steps in [
        "save q(site.css)",
        "save q(site.css.vsctmp); rename q(site.css.vsctmp), q(site.css)",
        "save q(site.css___jb_tmp___); rename q(site.css), q(site.css___jb_old___); \
         rename q(site.css___jb_tmp___), q(site.css); unlink q(site.css___jb_old___)",
        "save q(.sublA1.tmp); rename q(.sublA1.tmp), q(site.css)",
        "save q(.goutputstream-A1B2C3); rename q(.goutputstream-A1B2C3), q(site.css)",
        "save q(site.css.new); rename q(site.css.new), q(site.css)",
        "unlink q(site.css); save q(site.css)",
        "rename q(site.css), q(site.css.orig); save q(site.css); unlink q(site.css.orig)",
        "rename q(site.css), q(site.css~); select undef, undef, undef, 0.1; save q(site.css)",
        "open F, q(>), q(site.css); syswrite F, q(a { color:); select undef, undef, undef, 0.1; print F q( new }); close F",
    ] {
        let script = format!("cd static; perl -e '{write} {steps}'");
        check("", &script, Sets::One, &["+static/site.css"]);
    }
}

#[test]
fn what_changes_nothing_is_not_told() {
    check("", "touch static/site.css; chmod 600 index.html; cp -p index.html x; mv x index.html", Sets::One, &[]);
    check("", "cat static/site.css > ../same; cat ../same > static/site.css; sed -i s/nothing/else/ index.html", Sets::One, &[]);
}

#[test]
fn sed_and_copies_are_one_save() {
    check("", "sed -i s/old/new/ static/site.css", Sets::One, &["+static/site.css"]);
    let all = ["+static/site.css", "+static/page.css", "+static/more.css", "+index.html"];
    check("", "cp -r ../other/. .", Sets::OneUnlessPaused, &all);
    check("", "mkdir -p a/b/c; echo x > a/b/c/f", Sets::OneUnlessPaused, &["+a/b/c/f"]);
    check("", "mv static away", Sets::One, &["-static/site.css", "-static/page.css", "+away/site.css", "+away/page.css"]);
    check("", "rm -r static", Sets::OneUnlessPaused, &["-static/site.css", "-static/page.css"]);
}

#[test]
fn unpacking_is_one_save() {
    let all = ["+static/site.css", "+static/page.css", "+static/more.css", "+index.html"];
    let pack = "cd ../other; zip -qr ../new.zip .";
    check(pack, "unzip -qo ../new.zip", Sets::OneUnlessPaused, &all);
    check("", "rsync -aI ../other/ .", Sets::OneUnlessPaused, &all);
    check("", "rsync -aI --inplace ../other/ .", Sets::OneUnlessPaused, &all);
    check("", "rsync -aI ../other/index.html .", Sets::One, &["+index.html"]);
}

#[test]
fn git_is_one_save() {
    let repository = "git init -q; git config user.name a; git config user.email a@b.test; git add .; git commit -qm one";
    let branch = "git checkout -qb new; cp -r ../other/. .; for n in $(seq 200); do echo $n > f$n; done; git add .; \
                  git commit -qm two; git checkout -q -";
    let old = ["+static/site.css", "+static/page.css", "+index.html"];
    let files: Vec<_> = (1..=200).map(|number| format!("+f{number}")).chain(["+static/more.css".into()]).collect();
    let all: Vec<_> = files.iter().map(String::as_str).chain(old).collect();
    check(&format!("{repository}; {branch}"), "git checkout -q new", Sets::One, &all);
    check(&format!("{repository}; {branch}"), "git merge -q new", Sets::One, &all);
    let changed = format!("{repository}; sed -i s/old/new/ static/*.css index.html");
    check(&changed, "git stash -q", Sets::One, &old);
    check(&format!("{changed}; git stash -q"), "git stash pop -q", Sets::One, &old);
    let stopped = format!("{repository}; GIT_SEQUENCE_EDITOR='sed -i 1s/pick/edit/' git rebase -qi --root 2>/dev/null");
    check(&stopped, "echo new > index.html", Sets::One, &["+index.html"]);
    let commits = "git checkout -qb steps; for n in 1 2 3 4 5; do echo $n > s$n; git add .; git commit -qm $n; done; \
                   git checkout -q -; echo base > base; git add .; git commit -qm base; git checkout -q steps";
    check(&format!("{repository}; {commits}"), "git rebase -q HEAD@{1} 2>/dev/null", Sets::OneUnlessPaused, &["+base"]);
}

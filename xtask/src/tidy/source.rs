//! The text of a file: white space, module docs, reasons, and words that must not stay.

use crate::scan::{Line, scan};

/// Above this many lines a file is listed.
pub(crate) const LONG: usize = 400;
/// Above this many lines a file is a finding.
const TOO_LONG: usize = 600;
/// Marks of unfinished work in comments.
const UNFINISHED: [&str; 3] = ["TODO", "FIXME", "XXX"];
/// The one crate whose kernels may go around the compiler's checks.
const KERNELS: &str = "nas-nn/";

/// Tabs, spaces at the end of a line, and a missing or doubled end of the file.
pub(crate) fn whitespace(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.split('\n')) {
        if line.contains('\t') {
            findings.push(format!(":{number}: a tab; use spaces"));
        }
        if line.ends_with([' ', '\t', '\r']) {
            findings.push(format!(":{number}: white space at the end of the line"));
        }
    }
    if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
        findings.push(": must end with one line end".into());
    }
    findings
}

/// The number of lines, where it is worth a note.
pub(crate) fn length(text: &str) -> Option<usize> {
    Some(text.lines().count()).filter(|lines| *lines > LONG)
}

/// What a Rust file must have and must not have. `name` is its path from the root, with forward slashes.
pub(crate) fn rust(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(": must open with `//!` and the one idea the module holds".into());
    }
    let count = text.lines().count();
    if count > TOO_LONG {
        findings.push(format!(": has {count} lines, more than {TOO_LONG}; split it by ideas"));
    }
    let lines = scan(text);
    for (i, line) in lines.iter().enumerate() {
        let mut find = |what: String| findings.push(format!(":{}: {what}", i + 1));
        if let Some(mark) = UNFINISHED.iter().find(|mark| has_word(&line.comment, mark)) {
            find(format!("`{mark}`: finish it, or file an issue"));
        }
        if line.code.contains("dbg!(") {
            find("`dbg!` must not stay".into());
        }
        if has_word(&line.code, "unsafe") && !name.starts_with(KERNELS) {
            find(format!("`unsafe` belongs into the kernels of {KERNELS} only"));
        }
        if silences_lint(&line.code) && !has_reason(&lines, i) {
            find("a silenced lint needs `reason = \"...\"` or a comment above it".into());
        }
    }
    findings
}

/// Whether a word stands in a text, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

fn silences_lint(code: &str) -> bool {
    ["#[allow(", "#![allow(", "#[expect(", "#![expect("].iter().any(|attribute| code.contains(attribute))
}

/// Whether the attribute that starts on line `at` has a reason in it, beside it or above it.
fn has_reason(lines: &[Line], at: usize) -> bool {
    let length = lines[at..].iter().position(|line| line.code.contains(']')).map_or(1, |last| last + 1);
    let inside = lines[at..at + length].iter().any(|l| has_word(&l.code, "reason") || is_remark(&l.comment));
    inside || at > 0 && lines[at - 1].code.trim().is_empty() && is_remark(&lines[at - 1].comment)
}

/// A plain comment: docs are about the item, not about the lint.
fn is_remark(comment: &str) -> bool {
    comment.contains("//") && !comment.contains("///") && !comment.contains("//!")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a file of nas-space that has module docs; expected findings count lines from those docs.
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(rust("nas-space/src/a.rs", &format!("//! Docs.\n{text}\n")), expect, "{text}");
    }

    #[test]
    fn module_docs_come_first() {
        let missing = ": must open with `//!` and the one idea the module holds";
        assert_eq!(rust("a.rs", "use b;\n//! Late.\n"), [missing]);
    }

    #[test]
    fn unfinished_work_is_found_in_comments_only() {
        check("let a = 1; // TODO later", &[":2: `TODO`: finish it, or file an issue"]);
        check("/* FIXME */", &[":2: `FIXME`: finish it, or file an issue"]);
        check("const A: &str = \"TODO\"; // TODOS", &[]);
    }

    #[test]
    fn prints_for_debugging_are_found() {
        check("dbg!(x);", &[":2: `dbg!` must not stay"]);
        check("\"dbg!(x)\"", &[]);
    }

    #[test]
    fn going_around_the_compiler_is_for_kernels() {
        check("unsafe { f() }", &[":2: `unsafe` belongs into the kernels of nas-nn/ only"]);
        check("#![deny(unsafe_code)] // unsafe", &[]);
        assert!(rust("nas-nn/src/kernels/a.rs", "//! Docs.\nunsafe { f() }\n").is_empty());
    }

    #[test]
    fn a_silenced_lint_says_why() {
        let bare = ":2: a silenced lint needs `reason = \"...\"` or a comment above it";
        check("#[allow(dead_code)]", &[bare]);
        check("#![expect(dead_code)]", &[bare]);
        check("#[allow(dead_code, reason = \"why\")]", &[]);
        check("#[allow(dead_code)] // why", &[]);
        check("// why\n#[allow(dead_code)]", &[]);
        check("#[allow(\n    dead_code,\n    reason = \"why\"\n)]", &[]);
        check("/// Docs of the item.\n#[allow(dead_code)]", &[&bare.replace(":2", ":3")]);
    }

    #[test]
    fn white_space_is_tidy() {
        let check = |text: &str, expect: &[&str]| assert_eq!(whitespace(text), expect, "{text:?}");
        check("a\n  b\n", &[]);
        check("a \n\tb\n", &[":1: white space at the end of the line", ":2: a tab; use spaces"]);
        check("a", &[": must end with one line end"]);
        check("a\n\n", &[": must end with one line end"]);
    }

    #[test]
    fn long_files_are_listed_and_longer_ones_refused() {
        let file = |lines: usize| "//! Docs.\n".repeat(lines);
        assert_eq!((length(&file(400)), length(&file(401))), (None, Some(401)));
        assert!(rust("a.rs", &file(600)).is_empty());
        assert_eq!(rust("a.rs", &file(601)), [": has 601 lines, more than 600; split it by ideas"]);
    }
}

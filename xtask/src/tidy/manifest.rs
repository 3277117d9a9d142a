//! The workspace's manifest: every dependency says why it is there.

/// The entries of `[workspace.dependencies]` that no comment directly precedes. Our own crates need none.
pub(crate) fn reasons(manifest: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let (mut inside, mut depth, mut explained) = (false, 0_isize, false);
    for (number, line) in (1..).zip(manifest.lines()) {
        let line = line.trim();
        if depth == 0 && line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
            continue;
        }
        if !inside {
            continue;
        }
        if let (0, Some((name, value))) = (depth, line.split_once('='))
            && !(line.starts_with('#') || explained || value.contains("path ="))
        {
            findings.push(format!(":{number}: `{}` needs a comment above it that says why it is used", name.trim()));
        }
        explained = line.starts_with('#');
        if !explained {
            // An entry may go on over several lines.
            depth += line.chars().map(|c| isize::from("[{".contains(c)) - isize::from("]}".contains(c))).sum::<isize>();
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: &str, expect: &[&str]) {
        assert_eq!(reasons(manifest), expect, "{manifest}");
    }

    #[test]
    fn each_entry_needs_its_own_reason() {
        check("[workspace.dependencies]\n# why\na = \"1\"\n", &[]);
        check(
            "[workspace.dependencies]\n# why\na = \"1\"\nb = \"1\"\n",
            &[":4: `b` needs a comment above it that says why it is used"],
        );
        check(
            "[workspace.dependencies]\n# why = not\n\na = { version = \"1\" }\n",
            &[":4: `a` needs a comment above it that says why it is used"],
        );
    }

    #[test]
    fn other_tables_and_our_own_crates_need_none() {
        check("[package]\nname = \"a\"\n[workspace.dependencies]\nours = { path = \"ours\" }\n[profile]\nb = 1\n", &[]);
    }

    #[test]
    fn an_entry_may_go_on_over_lines() {
        check("[workspace.dependencies]\n# why\na = { version = \"1\", features = [\n  \"b=c\",\n] }\n", &[]);
    }
}

//! "Did you mean": the known name nearest to one that does not exist.

use crate::SpaceError;

/// Nobody means a name by so many letters, and comparing them takes long.
const LONGEST: usize = 100;

/// The name most like `name`, the first of equals, if any is like it at all; case does not matter.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    let scored = known.into_iter().map(|k| (strsim::jaro_winkler(&lower, &k.to_lowercase()), k));
    let near = scored.filter(|(score, _)| *score > 0.8);
    near.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, k)| k)
}

/// The suggestion as it stands behind the wrong name in a sentence: ` (did you mean ...?)`, or nothing.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|k| format!(" (did you mean `{k}`?)")).unwrap_or_default()
}

/// The error of an operation that does not exist among those that do.
pub(crate) fn unknown_operation(name: &str, known: &[&str]) -> SpaceError {
    let (hint, known) = (hint(name, known.iter().copied()), known.join(", "));
    SpaceError::UnknownOperation { name: name.to_owned(), hint, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["sep_conv_3x3", "skip_connect", "none"];
        assert_eq!(nearest("sep_con_3x3", known), Some("sep_conv_3x3"));
        assert_eq!(nearest("SKIP_CONECT", known), Some("skip_connect"));
        assert_eq!(nearest("transformer", known), None);
        assert_eq!(hint("nones", known), " (did you mean `none`?)");
        assert_eq!(hint("qqqq", known), "");
        assert_eq!(nearest(&"sep_conv_3x3".repeat(1000), known), None);
    }
}

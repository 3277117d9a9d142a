//! Units as people write and read them: durations, counts, bytes, image sizes.

/// Reads a duration such as `90s`, `30m`, `1h30m` or `2d`; a bare number means seconds.
///
/// # Errors
/// A sentence that says how durations are written.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    let wrong = || format!("`{text}` is not a duration; write it as 90s, 30m, 1h30m or 2d");
    let mut total = 0.0;
    let mut number = String::new();
    for c in text.trim().chars() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            continue;
        }
        let unit = match c {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3600.0,
            'd' => 86_400.0,
            _ => return Err(wrong()),
        };
        total += number.parse::<f64>().map_err(|_| wrong())? * unit;
        number.clear();
    }
    if !number.is_empty() {
        total += number.parse::<f64>().map_err(|_| wrong())?;
    }
    if total > 0.0 && total.is_finite() { Ok(total) } else { Err(wrong()) }
}

/// A duration with the two units that matter: `12.3 s`, `4 m 05 s`, `2 h 10 m`.
pub fn seconds(value: f64) -> String {
    let whole = value.round() as u64;
    match whole {
        _ if value < 0.0995 => format!("{:.0} ms", value * 1e3),
        _ if value < 59.95 => format!("{value:.1} s"),
        0..3600 => format!("{} m {:02} s", whole / 60, whole % 60),
        3600..172_800 => format!("{} h {:02} m", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A latency such as `1.234 ms`.
pub fn milliseconds(value: f64) -> String {
    format!("{:.3} ms", value * 1e3)
}

/// An integer with thousands separated: `3,349,342`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A large number to three digits: `532 M`, `3.35 M`, `12.0 k`.
pub fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 999.5e9 => (v / 1e12, " T"),
        v if v >= 999.5e6 => (v / 1e9, " G"),
        v if v >= 999.5e3 => (v / 1e6, " M"),
        v if v >= 999.5 => (v / 1e3, " k"),
        v => return format!("{v:.0}"),
    };
    let digits = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.digits$}{unit}")
}

/// Bytes in binary units: `3.4 MiB`.
pub fn bytes(value: u64) -> String {
    let value = value as f64;
    match value {
        v if v >= 1_073_741_824.0 => format!("{:.2} GiB", v / 1_073_741_824.0),
        v if v >= 1_048_576.0 => format!("{:.1} MiB", v / 1_048_576.0),
        v if v >= 1024.0 => format!("{:.1} KiB", v / 1024.0),
        v => format!("{v:.0} B"),
    }
}

/// A share as a percentage: `98.61 %`.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// `1 trial`, `2 trials`.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Reads `3x32x32` (channels, rows, columns).
///
/// # Errors
/// A sentence that says how image shapes are written.
pub fn parse_image_shape(text: &str) -> Result<nas_space::ImageShape, String> {
    let numbers: Option<Vec<usize>> = text.split(['x', '×']).map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[channels, height, width]) if channels * height * width > 0 => {
            Ok(nas_space::ImageShape { channels, height, width })
        }
        _ => Err(format!("`{text}` is not an image shape; write channels x rows x columns, such as 3x32x32")),
    }
}

/// Reads `32` or `24x32` (rows, columns).
///
/// # Errors
/// A sentence that says how sizes are written.
pub fn parse_size(text: &str) -> Result<[usize; 2], String> {
    let numbers: Option<Vec<usize>> = text.split(['x', '×']).map(|n| n.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[side]) if side > 0 => Ok([side; 2]),
        Some(&[rows, columns]) if rows * columns > 0 => Ok([rows, columns]),
        _ => Err(format!("`{text}` is not an image size; write 32 or rows x columns, such as 24x32")),
    }
}

/// The name of `known` that `name` was probably meant to be.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(name, k), k))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expect) in [("30m", 1800.0), ("1h30m", 5400.0), ("90", 90.0), ("1.5h", 5400.0), ("2d", 172_800.0)] {
            assert_eq!(parse_seconds(text), Ok(expect), "{text}");
        }
        for text in ["", "m", "30x", "-3m", "0s", "1..2s"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_print_for_people() {
        assert_eq!(count(3_349_342), "3,349,342");
        assert_eq!(count(12), "12");
        assert_eq!(short(532_416_000.0), "532 M");
        assert_eq!(short(3_349_342.0), "3.35 M");
        assert_eq!(short(999_600.0), "1.00 M");
        assert_eq!(seconds(125.2), "2 m 05 s");
        assert_eq!(seconds(3.21), "3.2 s");
        assert_eq!(bytes(1536), "1.5 KiB");
    }

    #[test]
    fn sizes_and_shapes_are_checked() {
        assert_eq!(parse_size("24x32"), Ok([24, 32]));
        assert!(parse_size("0").is_err());
        assert!(parse_image_shape("3x32").unwrap_err().contains("3x32x32"));
    }

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("trails", ["trials", "epochs"]), Some("trials"));
        assert_eq!(nearest("zzz", ["trials", "epochs"]), None);
    }
}

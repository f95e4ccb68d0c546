//! CSV as RFC 4180 has it: fields with a comma, a quote or a line end stand between quotes.

/// One line of fields, without its end.
#[must_use]
pub(crate) fn line<T: AsRef<str>>(fields: &[T]) -> String {
    fields.iter().map(|text| field(text.as_ref())).collect::<Vec<_>>().join(",")
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_stands_between_quotes() {
        assert_eq!(
            line(&["a", "b,c", "say \"x\"", "two\nlines", ""]),
            "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\","
        );
    }
}

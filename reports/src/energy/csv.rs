//! Reader of the embedded tables: comma-separated, double quotes around fields that hold commas.

/// Rows below the header line; every row has the header's number of fields.
pub(super) fn rows(text: &str, header: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(header), "invariant: the embedded table has this header (held by a test)");
    let columns = header.split(',').count();
    let parsed: Vec<Vec<String>> = lines.map(fields).collect();
    assert!(
        parsed.iter().all(|r| r.len() == columns),
        "invariant: the embedded table is rectangular (held by a test)"
    );
    parsed
}

/// A numeric field of an embedded table.
pub(super) fn number<T: std::str::FromStr>(field: &str) -> T {
    field.parse().ok().expect("invariant: numeric columns of the embedded tables parse (held by a test)")
}

fn fields(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(String::new()),
            _ => out.last_mut().expect("invariant: starts with one field").push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_hold_commas() {
        assert_eq!(super::fields(r#"a,"b, c",,d"#), ["a", "b, c", "", "d"]);
    }
}

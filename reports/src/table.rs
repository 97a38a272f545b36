//! One table, three forms: aligned text, HTML, LaTeX.

/// Whether to use ANSI colours; the caller knows about terminals and `NO_COLOR`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// ANSI escape sequences for titles, heads and warnings.
    pub colour: bool,
}

impl Style {
    /// Text in bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    /// A title.
    pub(crate) fn title(self, text: &str) -> String {
        self.paint("1;36", text)
    }
    /// A warning.
    pub(crate) fn warning(self, text: &str) -> String {
        self.paint("1;31", text)
    }
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Columns, rows and a caption. Cells are plain text; each form escapes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows, one line.
    pub caption: String,
    /// Column heads; `>` before a head aligns the column to the right, `@` marks keys of the bibliography, which LaTeX cites.
    pub heads: Vec<String>,
    /// Cells, one row each, as many as heads.
    pub rows: Vec<Vec<String>>,
    /// True if the last row is a sum.
    pub total: bool,
    /// True if the terminal shows it too.
    pub brief: bool,
}

impl Table {
    /// An empty table; heads as in [`Table::heads`].
    pub fn new(caption: &str, heads: &[&str]) -> Self {
        let heads = heads.iter().map(|h| (*h).to_owned()).collect();
        Table { caption: caption.to_owned(), heads, ..Table::default() }
    }

    /// Appends a row.
    pub fn row(&mut self, cells: &[&str]) {
        self.rows.push(cells.iter().map(|c| (*c).to_owned()).collect());
    }

    /// Appends a row that sums up the others.
    pub fn sum(&mut self, cells: &[&str]) {
        self.row(cells);
        self.total = true;
    }

    /// The same table, shown in the terminal too.
    pub fn in_brief(mut self) -> Self {
        self.brief = true;
        self
    }

    fn head(&self, column: usize) -> (&str, bool) {
        let head = self.heads[column].as_str();
        head.strip_prefix('>').map_or((head.trim_start_matches('@'), false), |h| (h, true))
    }

    /// A cell for LaTeX.
    fn latex_cell(&self, column: usize, cell: &str) -> String {
        if self.heads[column].starts_with('@') && !cell.is_empty() {
            return format!("\\cite{{{cell}}}");
        }
        latex_escape(cell)
    }

    fn is_total(&self, row: usize) -> bool {
        self.total && row + 1 == self.rows.len()
    }

    /// Aligned text; head row and total row in bold.
    pub fn to_text(&self, indent: &str, style: Style) -> String {
        let cell = |row: &[String], c: usize| row.get(c).map_or(0, |t| t.chars().count());
        let width = |c: usize| {
            let body = self.rows.iter().map(|r| cell(r, c)).max().unwrap_or(0);
            body.max(self.head(c).0.chars().count())
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &[&str], strong: bool| {
            let mut text = String::new();
            for (c, (cell, w)) in cells.iter().zip(&widths).enumerate() {
                let pad = " ".repeat(w.saturating_sub(cell.chars().count()));
                let gap = if c > 0 { "  " } else { "" };
                let both =
                    if self.head(c).1 { format!("{gap}{pad}{cell}") } else { format!("{gap}{cell}{pad}") };
                text.push_str(&both);
            }
            // No file can steer a terminal.
            let text: String =
                text.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let text = if strong { style.bold(&text) } else { text };
            format!("{indent}{text}\n")
        };
        let heads: Vec<&str> = (0..self.heads.len()).map(|c| self.head(c).0).collect();
        let mut out = line(&heads, true);
        for (r, row) in self.rows.iter().enumerate() {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            out.push_str(&line(&cells, self.is_total(r)));
        }
        out
    }

    /// A Markdown table.
    pub fn to_markdown(&self) -> String {
        let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
        let columns = 0..self.heads.len();
        let mut out = line(columns.clone().map(|c| self.head(c).0).collect());
        out += &line(columns.map(|c| if self.head(c).1 { "---:" } else { "---" }).collect());
        self.rows.iter().for_each(|r| out += &line(r.iter().map(String::as_str).collect()));
        out
    }

    /// An HTML table that scrolls sideways where it is wider than the page.
    pub fn to_html(&self) -> String {
        let class = |c: usize| if self.head(c).1 { " class=\"n\"" } else { "" };
        let mut out = String::from("<div class=\"scroll\"><table>");
        out.push_str(&format!("<caption>{}</caption><thead><tr>", escape(&self.caption)));
        for c in 0..self.heads.len() {
            out.push_str(&format!("<th scope=\"col\"{}>{}</th>", class(c), escape(self.head(c).0)));
        }
        out.push_str("</tr></thead><tbody>\n");
        for (r, row) in self.rows.iter().enumerate() {
            out.push_str(if self.is_total(r) { "<tr class=\"sum\">" } else { "<tr>" });
            for (c, cell) in row.iter().enumerate().take(self.heads.len()) {
                out.push_str(&format!("<td{}>{}</td>", class(c), escape(cell)));
            }
            out.push_str("</tr>\n");
        }
        out + "</tbody></table></div>\n"
    }

    /// Columns, head and rows for LaTeX.
    fn latex_parts(&self) -> (String, String, String) {
        let columns: String = (0..self.heads.len()).map(|c| if self.head(c).1 { 'r' } else { 'l' }).collect();
        let line = |cells: Vec<String>| format!("    {} \\\\\n", cells.join(" & "));
        let head = line((0..self.heads.len()).map(|c| latex_escape(self.head(c).0)).collect());
        let mut rows = String::new();
        for (r, row) in self.rows.iter().enumerate() {
            if self.is_total(r) {
                rows.push_str("    \\midrule\n");
            }
            rows.push_str(&line(row.iter().enumerate().map(|(c, cell)| self.latex_cell(c, cell)).collect()));
        }
        (columns, head, rows)
    }

    /// A booktabs `tabular` in a `table` float.
    pub fn to_latex(&self, label: &str) -> String {
        let (columns, head, rows) = self.latex_parts();
        format!(
            "\\begin{{table}}\n  \\centering\n  \\small\n  \\caption{{{}}}\n  \\label{{{label}}}\n  \
             \\begin{{tabular}}{{{columns}}}\n    \\toprule\n{head}    \\midrule\n{rows}    \\bottomrule\n  \
             \\end{{tabular}}\n\\end{{table}}\n",
            latex_escape(&self.caption)
        )
    }

    /// A booktabs `longtable` that may go over several pages, with the given columns.
    pub fn to_longtable(&self, label: &str, columns: &str) -> String {
        let (_, head, rows) = self.latex_parts();
        format!(
            "{{\\footnotesize\n\\begin{{longtable}}{{{columns}}}\n  \\caption{{{}}}\\label{{{label}}}\\\\\n    \\toprule\n\
             {head}    \\midrule\n  \\endfirsthead\n    \\toprule\n{head}    \\midrule\n  \\endhead\n    \
             \\bottomrule\n  \\endfoot\n{rows}\\end{{longtable}}\n}}\n",
            latex_escape(&self.caption)
        )
    }
}

/// Text for HTML and SVG, in content and in attributes. Control characters, which neither may hold, become spaces.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text for LaTeX.
pub fn latex_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '\\' => out.push_str("\\textbackslash{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '"' => out.push_str("{\\char34}"),
            'µ' => out.push_str("\\textmu{}"),
            '−' => out.push_str("$-$"),
            '×' => out.push_str("$\\times$"),
            '²' => out.push_str("\\textsuperscript{2}"),
            '·' => out.push_str("$\\cdot$"),
            '–' => out.push_str("--"),
            '\u{202f}' => out.push_str("\\,"),
            c => match LATEX.iter().find(|(name, _)| *name == c) {
                Some((_, tex)) => out.push_str(tex),
                None if c.is_control() => out.push(' '),
                // What pdfTeX knows as it is; anything else would stop it.
                None if c.is_ascii() || ('\u{c0}'..='\u{17f}').contains(&c) => out.push(c),
                None => out.push('?'),
            },
        }
    }
    out
}

/// Signs of our texts in LaTeX.
const LATEX: [(char, &str); 20] = [
    ('Φ', "$\\Phi$"),
    ('Δ', "$\\Delta$"),
    ('Σ', "$\\Sigma$"),
    ('θ', "$\\theta$"),
    ('π', "$\\pi$"),
    ('⌈', "$\\lceil$"),
    ('⌉', "$\\rceil$"),
    ('⁰', "\\textsuperscript{0}"),
    ('¹', "\\textsuperscript{1}"),
    ('³', "\\textsuperscript{3}"),
    ('≤', "$\\le$"),
    ('≥', "$\\ge$"),
    ('±', "$\\pm$"),
    ('→', "$\\to$"),
    ('…', "\\dots{}"),
    ('°', "\\textdegree{}"),
    ('’', "'"),
    ('“', "``"),
    ('”', "''"),
    ('—', "---"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut t = Table::new("a & b", &["name", ">value"]);
        t.row(&["x<y", "1"]);
        t.sum(&["total", "10_0"]);
        t
    }

    #[test]
    fn text_is_aligned() {
        let plain = " name   value\n x<y        1\n total   10_0\n";
        assert_eq!(table().to_text(" ", Style::default()), plain);
        let bold = table().to_text(" ", Style { colour: true });
        assert_eq!(bold, " \u{1b}[1mname   value\u{1b}[0m\n x<y        1\n \u{1b}[1mtotal   10_0\u{1b}[0m\n");
    }

    #[test]
    fn html_and_latex_escape() {
        let html = table().to_html();
        assert!(html.contains("<caption>a &amp; b</caption>") && html.contains("<td>x&lt;y</td>"));
        assert!(html.contains("<tr class=\"sum\"><td>total</td>"));
        let tex = table().to_latex("tab:x");
        assert!(tex.contains("\\caption{a \\& b}") && tex.contains("10\\_0 \\\\") && tex.contains("{lr}"));
        assert_eq!(latex_escape("a\\b~µ"), "a\\textbackslash{}b\\textasciitilde{}\\textmu{}");
        assert_eq!(escape("'\"\u{1}"), "&#39;&quot; ");
    }
}

//! Tables for people: columns as wide as their widest cell, two spaces between them, nothing at a line's end.

use super::out::Tone;

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text in a tone.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// A table with a head.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns; one whose name begins with `>` is aligned to the right.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self {
            head: columns.iter().map(|name| name.trim_start_matches('>').to_owned()).collect(),
            right: columns.iter().map(|name| name.starts_with('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// A table of names and values without a head.
    #[must_use]
    pub fn pairs() -> Self {
        Self { head: Vec::new(), right: vec![false, false], rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// Adds a name and its value.
    pub fn pair(&mut self, name: &str, value: impl Into<Cell>) {
        self.rows.push(vec![Cell::toned(name, Tone::Faint), value.into()]);
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, a line end after each line.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let head: Vec<Cell> = self.head.iter().map(|name| Cell::toned(name, Tone::Strong)).collect();
        let lines: Vec<&[Cell]> = std::iter::once(head.as_slice())
            .filter(|head| !head.is_empty())
            .chain(self.rows.iter().map(Vec::as_slice))
            .collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| shown(&cell.text).chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        lines.iter().map(|line| self.line(line, &widths, colour) + "\n").collect()
    }

    fn line(&self, cells: &[Cell], widths: &[usize], colour: bool) -> String {
        let mut text = String::new();
        let last = cells.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        for (at, (cell, width)) in cells.iter().zip(widths).enumerate().take(last + 1) {
            let words = shown(&cell.text);
            let gap = " ".repeat(width - words.chars().count());
            let painted = cell.tone.paint(&words, colour);
            text.push_str(if at > 0 { "  " } else { "" });
            match (self.right.get(at).copied().unwrap_or_default(), at == last) {
                (true, _) => text.push_str(&format!("{gap}{painted}")),
                (false, true) => text.push_str(&painted),
                (false, false) => text.push_str(&format!("{painted}{gap}")),
            }
        }
        text
    }
}

/// Without control characters: a product's name must not move the cursor.
fn shown(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_letters_not_bytes_and_lines_have_no_tail() {
        let mut table = Table::new(&["ITEM", ">TOTAL", "NOTE"]);
        table.row(["Økse".into(), "1249.00".into(), "".into()]);
        table.row(["Sovepose".into(), "9.95".into(), "på lager".into()]);
        assert_eq!(
            table.render(false),
            "ITEM        TOTAL  NOTE\nØkse      1249.00\nSovepose     9.95  på lager\n"
        );
    }

    #[test]
    fn colours_do_not_move_columns() {
        let mut table = Table::new(&["A", "B"]);
        table.row([Cell::toned("x", Tone::Good), "1".into()]);
        table.row(["xx".into(), "2".into()]);
        let bare: String =
            table.render(true).replace("\u{1b}[32m", "").replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(bare, table.render(false));
    }

    #[test]
    fn a_name_with_escape_codes_cannot_move_the_cursor() {
        let mut table = Table::pairs();
        table.pair("name", "evil\u{1b}[2J\nline");
        assert_eq!(table.render(false), "name  evil [2J line\n");
    }

    #[test]
    fn an_empty_table_is_only_its_head() {
        assert_eq!(Table::new(&["STORE", "SHOP"]).render(false), "STORE  SHOP\n");
        assert!(Table::new(&["STORE"]).is_empty());
    }
}

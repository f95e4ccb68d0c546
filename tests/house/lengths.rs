//! How long files and functions are.

use crate::lex;
use crate::read::File;

/// Lines of a file: past the first it is a question, past the second a defect.
const FILE: (usize, usize) = (400, 800);
/// Lines of a function that hold code.
const FUNCTION: (usize, usize) = (60, 120);
/// What people write and read.
const WRITTEN: [&str; 4] = [".rs", ".lua", ".proto", ".sh"];

/// What is long.
#[derive(Debug, Default)]
pub(crate) struct Long {
    /// To be told.
    pub(crate) questions: Vec<String>,
    /// To be mended.
    pub(crate) defects: Vec<String>,
}

impl Long {
    fn weigh(&mut self, lines: usize, (question, defect): (usize, usize), what: &str) {
        if lines > defect {
            self.defects.push(format!("{what} has {lines} lines, more than {defect}"));
        } else if lines > question {
            self.questions.push(format!("{what} has {lines} lines, more than {question}"));
        }
    }
}

/// Weighs every written file and every function in it.
pub(crate) fn of(files: &[File]) -> Long {
    let mut long = Long::default();
    for file in files.iter().filter(|file| WRITTEN.iter().any(|ending| file.path.ends_with(ending))) {
        long.weigh(file.text.lines().count(), FILE, &file.path);
        if file.path.ends_with(".rs") {
            for function in lex::functions(&lex::code(&file.text)) {
                let what = format!("{}:{} {}", file.path, function.line, function.name);
                long.weigh(function.lines, FUNCTION, &what);
            }
        }
    }
    long
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::file;

    #[test]
    fn a_long_file_is_told_and_a_very_long_one_is_a_defect() {
        let found = of(&[file("a.rs", &"//\n".repeat(401)), file("b.lua", &"--\n".repeat(801))]);
        assert_eq!(found.questions, ["a.rs has 401 lines, more than 400"]);
        assert_eq!(found.defects, ["b.lua has 801 lines, more than 800"]);
    }

    #[test]
    fn a_long_function_is_told_and_a_very_long_one_is_a_defect() {
        let function = |name: &str, lines: usize| format!("fn {name}() {{\n{}}}\n", "go();\n".repeat(lines));
        let found =
            of(&[file("a.rs", &(function("short", 58) + &function("long", 59) + &function("vast", 119)))]);
        assert_eq!(found.questions, ["a.rs:61 long has 61 lines, more than 60"]);
        assert_eq!(found.defects, ["a.rs:122 vast has 121 lines, more than 120"]);
    }
}

//! Reports: for people, and as JSON and `JUnit` in the shape of container-structure-test's.
//!
//! A test that was not run is more than that shape knows: in JSON it has `"Pass": false` and `"Skipped"` with the reason, in
//! `JUnit` it has `<skipped>`, and neither counts it as passed or failed.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::report::{Counts, Outcome, Report, TestResult};
use crate::xml::escape;

/// What of a command's output is shown to people.
const SHOWN_LINES: usize = 20;
/// No tests are no passed tests.
const NONE: &str = "No tests run!";

/// Renders a report for people: a line for each test, what is wrong below it, and the counts.
#[must_use]
pub fn render_text(report: &Report) -> String {
    let mut out = String::new();
    for result in &report.results {
        write_result(&mut out, result);
    }
    let Counts {
        passed,
        failed,
        skipped,
    } = report.counts();
    if passed + failed == 0 {
        let _ = writeln!(out, "{NONE}");
    }
    let _ = write!(out, "{passed} passed, {failed} failed");
    if skipped > 0 {
        let _ = write!(out, ", {skipped} skipped");
    }
    out.push('\n');
    out
}

fn write_result(out: &mut String, result: &TestResult) {
    let title = plain(&result.title);
    // Writing to a string does not fail.
    let _ = match &result.outcome {
        Outcome::Passed => writeln!(out, "pass  {title}"),
        Outcome::Failed(_) => writeln!(out, "fail  {title} ({})", result.place),
        Outcome::Skipped(why) => writeln!(out, "skip  {title}: {}", plain(why)),
    };
    let Outcome::Failed(wrong) = &result.outcome else {
        return;
    };
    for one in wrong {
        let _ = writeln!(out, "      {}", plain(one));
    }
    for (what, text) in [("stdout", &result.stdout), ("stderr", &result.stderr)] {
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(SHOWN_LINES);
        for line in &lines[first..] {
            let _ = writeln!(out, "      {what}: {}", plain(line));
        }
    }
}

/// Keeps on its line what an image or a file of tests says.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Summary<'a> {
    pass: usize,
    fail: usize,
    #[serde(skip_serializing_if = "is_zero")]
    skip: usize,
    total: usize,
    duration: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<WrittenResult<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenResult<'a> {
    name: &'a str,
    pass: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    stdout: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    stderr: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    errors: &'a [String],
    duration: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// Renders a report as JSON on one line; durations are in nanoseconds. Without tests it is a failure of its own, as there.
#[must_use]
pub fn render_json(report: &Report) -> String {
    let Counts {
        passed,
        failed,
        skipped,
    } = report.counts();
    let none = [NONE.to_owned()];
    let mut results: Vec<WrittenResult<'_>> = report.results.iter().map(write_json).collect();
    let lacks_any = passed + failed == 0;
    if lacks_any {
        results.push(WrittenResult {
            name: "",
            pass: false,
            skipped: None,
            stdout: "",
            stderr: "",
            errors: &none,
            duration: 0,
        });
    }
    let failed = failed + usize::from(lacks_any);
    let summary = Summary {
        pass: passed,
        fail: failed,
        skip: skipped,
        total: passed + failed + skipped,
        duration: nanoseconds(report.took()),
        results,
    };
    // Texts, numbers and lists are always JSON.
    let json = serde_json::to_string(&summary).unwrap_or_default();
    format!("{json}\n")
}

fn write_json(result: &TestResult) -> WrittenResult<'_> {
    let errors: &[String] = match &result.outcome {
        Outcome::Failed(wrong) => wrong,
        Outcome::Passed | Outcome::Skipped(_) => &[],
    };
    WrittenResult {
        name: &result.title,
        pass: result.outcome == Outcome::Passed,
        skipped: match &result.outcome {
            Outcome::Skipped(why) => Some(why),
            Outcome::Passed | Outcome::Failed(_) => None,
        },
        stdout: &result.stdout,
        stderr: &result.stderr,
        errors,
        duration: nanoseconds(result.took),
    }
}

/// Renders a report as the XML of `JUnit`; times are in seconds.
#[must_use]
pub fn render_junit(report: &Report, suite_name: &str) -> String {
    let Counts {
        passed,
        failed,
        skipped,
    } = report.counts();
    let lacks_any = passed + failed == 0;
    let failed = failed + usize::from(lacks_any);
    let tests = passed + failed + skipped;
    let left_out = match skipped {
        0 => String::new(),
        count => format!(" skipped=\"{count}\""),
    };
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites failures=\"{failed}\" tests=\"{tests}\"{left_out} time=\"{}\">\n\
         \x20 <testsuite name=\"{}\">\n",
        report.took().as_secs_f64(),
        escape(suite_name)
    );
    for result in &report.results {
        write_case(&mut out, result);
    }
    if lacks_any {
        let _ = writeln!(
            out,
            "    <testcase name=\"\" time=\"0\">\n      <failure>{NONE}</failure>\n    </testcase>"
        );
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn write_case(out: &mut String, result: &TestResult) {
    let (title, time) = (escape(&result.title), result.took.as_secs_f64());
    let begin = format!("    <testcase name=\"{title}\" time=\"{time}\"");
    let _ = match &result.outcome {
        Outcome::Passed => writeln!(out, "{begin}></testcase>"),
        Outcome::Skipped(why) => writeln!(
            out,
            "{begin}>\n      <skipped message=\"{}\"/>\n    </testcase>",
            escape(why)
        ),
        Outcome::Failed(wrong) => writeln!(
            out,
            "{begin}>\n      <failure>{}</failure>\n    </testcase>",
            escape(&wrong.join("\n"))
        ),
    };
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::place::Place;

    fn result(title: &str, outcome: Outcome) -> TestResult {
        TestResult {
            title: title.to_owned(),
            place: Place::column(Path::new("t.yaml"), 3, 9),
            outcome,
            stdout: String::new(),
            stderr: String::new(),
            took: Duration::from_millis(1500),
        }
    }

    fn example() -> Report {
        let wrong = Outcome::Failed(vec![
            "stdout does not match `<a>`".to_owned(),
            "x\u{1b}".to_owned(),
        ]);
        let failed = TestResult {
            stdout: "one\ntwo\n".to_owned(),
            stderr: "\u{1b}[31mred".to_owned(),
            ..result("Command Test: b", wrong)
        };
        let skipped = Outcome::Skipped("no engine".to_owned());
        let results = vec![
            result("Metadata Test", Outcome::Passed),
            failed,
            result("Command Test: c", skipped),
        ];
        Report { results }
    }

    #[test]
    fn people_read_what_is_wrong_and_where() {
        let expected = "pass  Metadata Test\n\
            fail  Command Test: b (t.yaml:3:9)\n\
            \x20     stdout does not match `<a>`\n\
            \x20     x\u{fffd}\n\
            \x20     stdout: one\n\
            \x20     stdout: two\n\
            \x20     stderr: \u{fffd}[31mred\n\
            skip  Command Test: c: no engine\n\
            1 passed, 1 failed, 1 skipped\n";
        assert_eq!(render_text(&example()), expected);
        assert_eq!(
            render_text(&Report::default()),
            "No tests run!\n0 passed, 0 failed\n"
        );
    }

    #[test]
    fn json_has_the_shape_of_the_peers() {
        let expected = r#"{"Pass":1,"Fail":1,"Skip":1,"Total":3,"Duration":4500000000,"Results":[{"Name":"Metadata Test","Pass":true,"Duration":1500000000},{"Name":"Command Test: b","Pass":false,"Stdout":"one\ntwo\n","Stderr":"\u001b[31mred","Errors":["stdout does not match `<a>`","x\u001b"],"Duration":1500000000},{"Name":"Command Test: c","Pass":false,"Skipped":"no engine","Duration":1500000000}]}"#;
        assert_eq!(render_json(&example()), format!("{expected}\n"));
        let none = r#"{"Pass":0,"Fail":1,"Total":1,"Duration":0,"Results":[{"Name":"","Pass":false,"Errors":["No tests run!"],"Duration":0}]}"#;
        assert_eq!(render_json(&Report::default()), format!("{none}\n"));
    }

    #[test]
    fn junit_has_the_shape_of_the_peers() {
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <testsuites failures=\"1\" tests=\"3\" skipped=\"1\" time=\"4.5\">\n\
            \x20 <testsuite name=\"a&amp;b\">\n\
            \x20   <testcase name=\"Metadata Test\" time=\"1.5\"></testcase>\n\
            \x20   <testcase name=\"Command Test: b\" time=\"1.5\">\n\
            \x20     <failure>stdout does not match `&lt;a&gt;`\nx\u{fffd}</failure>\n\
            \x20   </testcase>\n\
            \x20   <testcase name=\"Command Test: c\" time=\"1.5\">\n\
            \x20     <skipped message=\"no engine\"/>\n\
            \x20   </testcase>\n\
            \x20 </testsuite>\n\
            </testsuites>\n";
        assert_eq!(render_junit(&example(), "a&b"), expected);
        assert!(render_junit(&Report::default(), "a").contains("<failure>No tests run!</failure>"));
    }

    #[test]
    fn nothing_that_failed_or_was_not_run_is_a_pass() {
        let passes = |outcomes: &[Outcome]| {
            let results = outcomes.iter().map(|outcome| result("a", outcome.clone()));
            let results = results.collect();
            Report { results }.has_passed()
        };
        let (failed, skipped) = (Outcome::Failed(Vec::new()), Outcome::Skipped(String::new()));
        assert!(passes(&[Outcome::Passed]));
        assert!(passes(&[Outcome::Passed, skipped.clone()]));
        assert!(!passes(&[]));
        assert!(!passes(std::slice::from_ref(&skipped)));
        assert!(!passes(&[Outcome::Passed, failed]));
    }
}

//! Answers of engines and registries that no engine and no registry gives.

use super::Case;
use crate::ground::Ground;
use crate::support::fake_engine::{Fault, Operation};
use crate::support::faulty_registry::{ALWAYS, Fault as RegistryFault, Operation as Asked};

const OK: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n";

fn whole(body: &str) -> Fault {
    let length = body.len();
    Fault::Raw(format!("{OK}Content-Length: {length}\r\n\r\n{body}").into_bytes())
}

fn raw(bytes: &str) -> Fault {
    Fault::Raw(bytes.as_bytes().to_vec())
}

/// What comes instead of any answer.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn anywhere() -> Vec<(&'static str, Fault)> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let header = format!("{OK}X-Long: {}\r\n\r\n{{}}", "x".repeat(2_000_000));
    let headers = format!("{OK}{}\r\n{{}}", "X-A: b\r\n".repeat(50_000));
    vec![
        (
            "a page",
            whole("<!DOCTYPE html><html>\x1b[31mWelcome</html>"),
        ),
        ("nothing", whole("null")),
        ("a number", whole("17")),
        ("a text", whole("\"\\u001b]0;owned\\u0007\"")),
        ("an empty list", whole("[]")),
        ("an empty object", whole("{}")),
        ("deep lists", whole(&deep)),
        ("no JSON", whole("{\"Id\": \u{1b}[31m")),
        ("no HTTP", raw("SSH-2.0-OpenSSH\r\n\x1b[31m\r\n")),
        ("a long header", raw(&header)),
        ("many headers", raw(&headers)),
        (
            "a redirect",
            raw("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
        ),
        (
            "another protocol",
            raw("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n\x1b[31m"),
        ),
        (
            "a wrong length",
            raw(&format!("{OK}Content-Length: 99999999999\r\n\r\n{{}}")),
        ),
        (
            "a negative length",
            raw(&format!("{OK}Content-Length: -1\r\n\r\n{{}}")),
        ),
        (
            "a wrong chunk",
            raw(&format!(
                "{OK}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{{}}"
            )),
        ),
        (
            "a refusal that controls",
            raw(
                "HTTP/1.1 500 -\r\nContent-Length: 42\r\n\r\n{\"message\":\"\\u001b[31m\\u009b1m\\u0007 owned\"}",
            ),
        ),
        (
            "an endless body",
            Fault::Endless(
                concat!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
                    "[\""
                ),
                b"aaaaaaaaaaaaaaaa".to_vec(),
            ),
        ),
        (
            "endless lines",
            Fault::Endless(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
                b"{\"stream\":\"a\",\"status\":\"a\"}\n".to_vec(),
            ),
        ),
        (
            "endless headers",
            Fault::Endless("HTTP/1.1 200 OK\r\n", b"X-A: b\r\n".to_vec()),
        ),
    ]
}

/// What comes inside the answer to a build, a push or a list.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn inside() -> Vec<(&'static str, Operation, Fault)> {
    let line = |text: &str| whole(&format!("{text}\n"));
    let id = |id: &str| {
        let id = serde_json::Value::from(id);
        format!("{{\"id\":\"moby.image.id\",\"aux\":{{\"ID\":{id}}}}}")
    };
    let item = |id: &str, tag: &str| {
        let (id, tag) = (serde_json::Value::from(id), serde_json::Value::from(tag));
        whole(&format!(
            "[{{\"Id\":{id},\"ParentId\":\"\",\"Created\":1,\"Size\":-1,\"SharedSize\":-1,\"Containers\":-1,\"Labels\":{{\"pkg.parents\":\"../x@sha256:1 \\u001b[31m\"}},\"RepoTags\":[{tag}],\"RepoDigests\":[\"x@y@z\"]}}]"
        ))
    };
    let hex = "a".repeat(64);
    vec![
        (
            "an id that is a path",
            Operation::Build,
            line(&id("../../../../etc/passwd")),
        ),
        (
            "an id that is a path behind its kind",
            Operation::Build,
            line(&id("sha256:../../../../etc/passwd")),
        ),
        (
            "an id that controls",
            Operation::Build,
            line(&id("\u{1b}[31m")),
        ),
        (
            "an id of another kind",
            Operation::Build,
            line(&id(&format!("md5:{hex}"))),
        ),
        (
            "a long id",
            Operation::Build,
            line(&id(&hex.repeat(10_000))),
        ),
        (
            "an id that nothing has",
            Operation::Build,
            line(&id(&format!("sha256:{hex}"))),
        ),
        (
            "a report that is no base64",
            Operation::Build,
            line("{\"id\":\"moby.buildkit.trace\",\"aux\":\"\\u001b!!\"}"),
        ),
        (
            "a report that is no report",
            Operation::Build,
            line("{\"id\":\"moby.buildkit.trace\",\"aux\":\"/////w==\"}"),
        ),
        (
            "a number for a report",
            Operation::Build,
            line("{\"id\":\"moby.buildkit.trace\",\"aux\":7}"),
        ),
        (
            "an error that controls",
            Operation::Build,
            line(
                "{\"errorDetail\":{\"message\":\"\\u001b[31m\\u0007bad\\r\\nworse\"},\"error\":\"x\"}",
            ),
        ),
        (
            "an error that is a list",
            Operation::Build,
            line("{\"errorDetail\":[],\"error\":{}}"),
        ),
        (
            "a long error",
            Operation::Build,
            line(&format!(
                "{{\"errorDetail\":{{\"message\":\"{}\"}},\"error\":\"x\"}}",
                "e".repeat(3_000_000)
            )),
        ),
        (
            "a digest that is a path",
            Operation::Push,
            line("{\"status\":\"1-1: digest: sha256:../../etc/passwd size: 7\"}"),
        ),
        (
            "a digest that controls",
            Operation::Push,
            line("{\"status\":\"1-1: digest: \\u001b[31m size: 7\"}"),
        ),
        (
            "a status that controls",
            Operation::Push,
            line("{\"status\":\"\\u001b]0;owned\\u0007\"}"),
        ),
        (
            "an error that controls",
            Operation::Push,
            line("{\"errorDetail\":{\"message\":\"\\u001b[31mdenied\\u009b\"},\"error\":\"x\"}"),
        ),
        (
            "a digest of nothing",
            Operation::Push,
            line(&format!(
                "{{\"status\":\"1-1: digest: sha256:{hex} size: 7\"}}"
            )),
        ),
        (
            "an image that is a path",
            Operation::Images,
            item("../../etc/passwd", "example/good:1-1"),
        ),
        (
            "an image with a name that controls",
            Operation::Images,
            item(&format!("sha256:{hex}"), "\u{1b}[31m/x:1"),
        ),
        (
            "a pin that is a path",
            Operation::Images,
            item(
                &format!("sha256:{hex}"),
                "127.0.0.1:1/pkg/parent:../../x.2000",
            ),
        ),
        (
            "a version that controls",
            Operation::Version,
            whole("{\"ApiVersion\":\"\\u001b[31m1.2\",\"Version\":\"\\u001b[31m\"}"),
        ),
        (
            "a version of large numbers",
            Operation::Version,
            whole("{\"ApiVersion\":\"99999999999999999999.99999999999999999999\"}"),
        ),
        (
            "a driver that controls",
            Operation::Info,
            whole(
                "{\"Driver\":\"\\u001b[31m\",\"DriverStatus\":[[\"\\u001b\",\"\\u001b\"],[],[\"a\",\"b\",\"c\"]]}",
            ),
        ),
        (
            "an id that is a path",
            Operation::Inspect,
            whole("{\"Id\":\"sha256:../../../etc/passwd\"}"),
        ),
        (
            "an id that controls",
            Operation::Inspect,
            whole("{\"Id\":\"\\u001b[31m\"}"),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
pub(super) fn cases() -> Vec<Case> {
    const ASKED: [Operation; 8] = [
        Operation::Version,
        Operation::Info,
        Operation::Images,
        Operation::Inspect,
        Operation::Tag,
        Operation::Build,
        Operation::Push,
        Operation::Session,
    ];
    let mut cases = Vec::new();
    let mut add = |name: String, operation: Operation, fault: Fault| {
        cases.push(Case::build(name, move |ground: Ground| {
            let ground = ground.test("good", "true");
            ground
                .engine
                .misbehave((operation, ""), ALWAYS, fault.clone());
            ground
        }));
    };
    for operation in ASKED {
        for (what, fault) in anywhere() {
            add(
                format!("{what} as the engine's answer to {operation:?}"),
                operation,
                fault,
            );
        }
    }
    for (what, operation, fault) in inside() {
        add(
            format!("{what} in the engine's answer to {operation:?}"),
            operation,
            fault,
        );
    }
    for step in [
        "\x1b[2J\x1b]0;owned\x07",
        "a\rb\x08\x7f",
        "\u{9b}31m",
        &"long ".repeat(20_000),
    ] {
        let recipe = format!("FROM $BASE\nRUN echo {step}\nRUN exit 1");
        cases.push(Case::build(
            format!("{:.10} printed by a step", step.escape_debug().to_string()),
            move |ground: Ground| {
                ground.image("printing", &[], &recipe).test(
                    "good",
                    "printf '\\033[31m\\033]0;owned\\007\\233\\377\\n'; exit 1",
                )
            },
        ));
    }
    for operation in [
        Asked::HeadManifest,
        Asked::GetManifest,
        Asked::PutIncoming,
        Asked::PutManifest,
        Asked::StartUpload,
    ] {
        for (what, fault) in [
            ("a page", RegistryFault::Html),
            ("a huge answer", RegistryFault::Huge),
            (
                "words that control",
                RegistryFault::Words(400, "\x1b[31mowned\x07\u{9b}".to_owned()),
            ),
            ("no digest", RegistryFault::NoDigest),
            (
                "a digest that is a path",
                RegistryFault::Digest("sha256:../../../etc/passwd"),
            ),
            (
                "a redirect to a file",
                RegistryFault::Redirect("file:///etc/passwd".to_owned()),
            ),
        ] {
            cases.push(Case::build(
                format!("{what} as the registry's answer to {operation:?}"),
                move |ground: Ground| {
                    ground.registry.misbehave(operation, ALWAYS, fault.clone());
                    ground
                },
            ));
        }
    }
    cases
}

//! Images of APK packages in several layers.

use super::super::layering::assert_same;
use super::ground::of;
use super::repository::Repository;
use super::samples::{Item, Sample};

#[test]
fn packages_of_apk_lie_in_layers_by_their_sources_and_the_files_are_the_same() {
    let file = |path: &str, text: &str| Item::file(path, 0o755, text.as_bytes()).summed();
    let repository = Repository::of(&[
        Sample::new("baselayout 1.0-r0")
            .line("size = 10")
            .file(Item::directory("etc", 0o755))
            .file(file(
                "etc/passwd",
                "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n",
            ))
            .file(file("etc/group", "root:x:0:\nmail:x:12:\n"))
            .file(file("etc/motd", "hello\n")),
        Sample::new("tool 1.0-r3")
            .line("origin = tools")
            .line("size = 100")
            .file(Item::directory("usr", 0o755))
            .file(Item::directory("usr/bin", 0o755))
            .file(file("usr/bin/tool", "tool").owned(65, 66))
            .file(Item::hard_link("usr/bin/also", "usr/bin/tool")),
        Sample::new("tool-doc 1.0-r3")
            .line("origin = tools")
            .line("size = 1")
            .file(file("usr/share/doc/tool", "doc")),
    ]);
    let declared = of(&repository, "baselayout, tool, tool-doc")
        + "accounts: {users: [{username: app, uid: 1000}], run-as: app}\n";
    let made = assert_same(&declared, &[], 10);
    let made_by: Vec<&str> = made.layers.iter().map(|it| it.made_by.as_str()).collect();
    assert_eq!(
        made_by,
        [
            "pkg: packages of APK (tools)",
            "pkg: packages of APK (baselayout)",
            "pkg: what belongs to no package",
        ]
    );
    for (path, layer) in [
        ("usr/bin/tool", 0),
        ("usr/bin/also", 0),
        ("usr/share/doc/tool", 0),
        ("etc/motd", 1),
        // A user came to it.
        ("etc/passwd", 2),
        ("usr/lib/apk/db/installed", 2),
    ] {
        assert_eq!(made.find(path).digest, made.layers[layer].digest, "{path}");
    }
}

//! What `image.yaml` says beside packages.

use super::super::server::Server;
use super::ground::{CREATED, Ground, Image, PACKED, declare, of};
use super::repository::Repository;
use super::samples::{Item, SIGNER, STRANGER, Sample};

fn samples() -> Vec<Sample> {
    let summed = |path, mode, text: &str| Item::file(path, mode, text.as_bytes()).summed();
    vec![
        Sample::new("baselayout 1-r0")
            .file(summed(
                "etc/passwd",
                0o644,
                "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12:mail:/var/mail:/sbin/nologin\n",
            ))
            .file(summed("etc/group", 0o644, "root:x:0:\nmail:x:12:\n")),
        Sample::new("busybox 1.36.1-r5")
            .file(Item::directory("bin", 0o755))
            .file(summed("bin/busybox", 0o755, "busybox"))
            .file(summed(
                "etc/busybox-paths.d/busybox",
                0o644,
                "/bin/busybox\n/bin/sh\n/bin/ls\n/opt/x/deep\n",
            )),
        Sample::new("ca-certificates-bundle 1-r0").file(summed(
            "etc/ssl/certs/ca-certificates.crt",
            0o644,
            "BUNDLE\n",
        )),
        Sample::new("own-certificates 1-r0")
            .line("provides = own-authorities")
            .file(summed("usr/share/ca-certificates/own/b.crt", 0o644, "B\n"))
            .file(summed("usr/share/ca-certificates/own/a.pem", 0o644, "A"))
            .file(summed("usr/share/ca-certificates/own/README", 0o644, "no")),
        Sample::new("other-certificates 1-r0").file(summed(
            "usr/share/ca-certificates/other.crt",
            0o644,
            "O\n",
        )),
        Sample::new("s6 2-r0").file(summed("bin/s6-svscan", 0o755, "s6")),
    ]
}

fn make(packages: &str, rest: &str) -> Image {
    let repository = Repository::of(&samples());
    Ground::new().make(&format!("{}{rest}", of(&repository, packages)))
}

#[test]
fn accounts_have_homes_before_paths_are_changed() {
    let image = make(
        "baselayout",
        "accounts: {users: [{username: app, uid: 1000, gid: 1001}], groups: [{groupname: app, gid: 1001}], run-as: app}\n\
         paths: [{path: /home/app, type: directory, permissions: 0o710}, {path: /srv/a, type: directory, uid: 7}]\n",
    );
    let passwd = image.text("etc/passwd");
    assert!(
        passwd.ends_with("app:x:1000:1001::/home/app:/bin/sh\n"),
        "{passwd}"
    );
    assert!(image.text("etc/group").ends_with("app:x:1001:\n"));
    assert_eq!(image.text("etc/shadow"), "app:!:::::::\n");
    assert_eq!(image.attributes("home/app"), (0o710, 1000, 1001, CREATED));
    // Those of packages' users are made, too.
    assert_eq!(image.attributes("var/mail"), (0o700, 8, 12, CREATED));
    assert_eq!(image.attributes("srv/a"), (0o755, 7, 0, CREATED));
    assert_eq!(image.config["config"]["User"], "1000");
    assert_eq!(image.config["created"], "2027-01-15T08:00:00Z");
}

#[test]
fn a_name_that_is_taken_is_not_one_of_busybox() {
    let image = make(
        "busybox",
        "paths: [{path: /bin/sh, type: symlink, source: /usr/bin/dash}]\n",
    );
    assert_eq!(image.link("bin/sh"), "/usr/bin/dash");
    assert_eq!(image.link("bin/ls"), "/bin/busybox");
    assert_eq!(image.link("opt/x/deep"), "/bin/busybox");
    for path in ["bin/ls", "opt/x/deep", "opt/x"] {
        assert_eq!(image.attributes(path).3, PACKED, "{path}");
    }
}

#[test]
fn certificates_of_the_declaration_and_of_providers_are_trusted() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let packages = "own-certificates, other-certificates, ca-certificates-bundle";
    let rest = format!(
        "certificates:\n  providers: [own-authorities]\n  additional:\n  - name: here\n    content: {pem:?}\n"
    );
    let image = make(packages, &rest);
    let bundle = image.text("etc/ssl/certs/ca-certificates.crt");
    assert_eq!(bundle, format!("BUNDLE\n{pem}A\nB\n"));
    let repository = Repository::of(&samples());
    let text = of(&repository, "own-certificates");
    let refused = Ground::new().refused(&format!("{text}certificates: {{providers: [nobody]}}\n"));
    assert!(
        refused.contains("`certificates.providers` names `nobody`"),
        "{refused}"
    );
}

#[test]
fn services_are_supervised_by_a_package_that_comes_with_them() {
    let image = make(
        "busybox",
        "entrypoint: {type: service-bundle, services: {web: '/usr/bin/web --title \"a b\"', log: /usr/bin/log}}\n",
    );
    assert_eq!(image.text("bin/s6-svscan"), "s6");
    assert_eq!(
        image.text("sv/web/run"),
        "#!/bin/execlineb\n/usr/bin/web --title \"a b\"\n"
    );
    assert_eq!(image.attributes("sv/log/run"), (0o755, 0, 0, CREATED));
    assert_eq!(image.text("etc/apk/world"), "busybox\ns6\n");
    let entrypoint = &image.config["config"]["Entrypoint"];
    assert_eq!(entrypoint, &serde_json::json!(["/bin/s6-svscan", "/sv"]));
}

#[test]
fn containers_have_the_usual_environment_where_nothing_else_is_said() {
    let usual = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin",
        "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
    ];
    let image = make(
        "busybox",
        "annotations: {org.example.team: web}\ncmd: /bin/sh\n",
    );
    assert_eq!(image.config["config"]["Env"], serde_json::json!(usual));
    assert_eq!(image.config["config"]["Labels"]["org.example.team"], "web");
    assert_eq!(
        image.config["config"]["Cmd"],
        serde_json::json!(["/bin/sh"])
    );
    let image = make("busybox", "environment: {PATH: /bin, A: b}\n");
    let expected = ["A=b", "PATH=/bin", usual[1]];
    assert_eq!(image.config["config"]["Env"], serde_json::json!(expected));
}

#[test]
fn an_image_names_its_repositories_without_logins_and_none_that_are_for_the_build_alone() {
    let repository = Repository::of(&samples());
    let private = Repository::of(&[
        Sample::new("private 1-r0").file(Item::file("usr/private", 0o644, b"private").summed())
    ]);
    let (server, build) = (
        Server::start(repository.path()),
        Server::start(private.path()),
    );
    let with_login = |address: &str| address.replace("http://", "http://ann:hu5h@");
    let text = format!(
        "contents:\n  repositories: ['{}/']\n  build_repositories: ['{}']\n  runtime_repositories: ['https://bob:hu5h@r.example.org/os', '@x https://r.example.org/x']\n  \
         keyring: ['{}/test.rsa.pub']\n  runtime_keyring:\n  - name: more.rsa.pub\n    content: {:?}\n  packages: [busybox, private]\n",
        with_login(&server.address),
        with_login(&build.address),
        with_login(&server.address),
        STRANGER.key.pem(),
    );
    let ground = Ground::new();
    let lock = ground.lock(&text);
    let rendered = lock.render().unwrap();
    assert!(
        !rendered.contains("hu5h") && !rendered.contains("ann:"),
        "{rendered}"
    );
    let image = ground.make(&text);
    assert_eq!(image.text("usr/private"), "private");
    assert_eq!(
        image.text("etc/apk/repositories"),
        format!(
            "@x https://r.example.org/x\n{}\nhttps://r.example.org/os\n",
            server.address
        )
    );
    assert_eq!(image.text("etc/apk/keys/more.rsa.pub"), STRANGER.key.pem());
    assert_eq!(image.text("etc/apk/keys/test.rsa.pub"), SIGNER.key.pem());
    let whole = String::from_utf8_lossy(&image.layer);
    assert!(!whole.contains("hu5h"), "a login is in the image");
    let port = build.address.rsplit(':').next().unwrap();
    assert!(
        !whole.contains(port),
        "a repository of the build is in the image"
    );
    // Nor is a login in what is told.
    let absent = text.replace("busybox, private", "busybox, nothing");
    let told = ground.refused(&absent);
    assert!(!told.contains("hu5h"), "{told}");
    for path in ["test.rsa.pub", "APKINDEX", "private-1"] {
        let ground = Ground::new();
        build.misbehave(path, super::super::server::Fault::Status(403, ""), 1);
        server.misbehave(path, super::super::server::Fault::Status(403, ""), 1);
        let told = ground.refused(&text);
        assert!(told.contains("status 403"), "{told}");
        assert!(!told.contains("hu5h") && !told.contains("ann:"), "{told}");
    }
}

#[test]
fn what_is_laid_over_packages_comes_from_the_image_directory() {
    let repository = Repository::of(&samples());
    let ground = Ground::new();
    ground.write("motd", "hello\n");
    ground.write("keys/test.rsa.pub", SIGNER.key.pem());
    let text = declare(&repository.path().display().to_string(), "busybox");
    // A key may be a file of the directory.
    let key = format!("{}/test.rsa.pub", repository.path().display());
    let text = text.replace(&key, "keys/test.rsa.pub");
    let image = ground.make(&format!(
        "{text}layers: [{{source: motd, target: /etc/motd}}]\n"
    ));
    assert_eq!(image.text("etc/motd"), "hello\n");
    assert_eq!(image.text("etc/apk/keys/test.rsa.pub"), SIGNER.key.pem());
}

#[test]
fn a_busybox_of_the_image_directory_is_a_file_as_any_other() {
    let plain = Sample::new("plain 1-r0").file(Item::file("usr/share/plain", 0o644, b"plain"));
    let repository = Repository::of(&[plain]);
    let ground = Ground::new();
    ground.write("busybox", "own");
    let text = of(&repository, "plain");
    let image = ground.make(&format!(
        "{text}layers: [{{source: busybox, target: /bin/busybox}}]\n"
    ));
    assert_eq!(image.text("bin/busybox"), "own");
    assert!(image.find("bin/sh").is_none());
}

#[test]
fn a_key_that_only_the_image_gets_is_checked_and_signs_nothing() {
    let mut repository = Repository::new();
    repository.add(&samples()[1], None);
    repository.publish_by(Some(&STRANGER));
    let ground = Ground::new();
    let keyring = |name: &str, content: &str| {
        let text = of(&repository, "busybox");
        let runtime = format!("  runtime_keyring: [{{name: {name}, content: {content:?}}}]\n");
        format!("{text}{runtime}")
    };
    let told = ground.refused(&keyring("stranger.rsa.pub", STRANGER.key.pem()));
    assert!(
        told.contains("is signed by `stranger.rsa.pub`, which is none of"),
        "{told}"
    );
    assert!(told.contains("the known keys `test.rsa.pub`"), "{told}");
    repository.publish();
    let no_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    let told = ground.refused(&keyring("a.rsa.pub", no_key));
    assert!(
        told.contains("`contents.runtime_keyring` cannot be used: the key `a.rsa.pub`"),
        "{told}"
    );
    let told = ground.refused(&keyring("test.rsa.pub", STRANGER.key.pem()));
    assert!(
        told.contains("holds `test.rsa.pub`, which is the name of another key"),
        "{told}"
    );
}

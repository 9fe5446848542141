//! Signatures beside gpgv(1).

use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use pkg::debian::{
    FaultReason, KeyFault, Keyring, KeyringError, ReleaseError, SignatureError, Verified,
    parse_in_release, verify_cleartext,
};

use super::gpg::{Gpg, NewKey};
use super::run;

const TEXT: &str = "Origin: Test\nSuite: stable  \n- dashed\n-\n\nFrom here\n é\n";

fn now() -> DateTime<Utc> {
    pkg::host::Clock::of_machine().now().to_utc()
}

/// Gives our answer, which has to be gpgv's.
#[track_caller]
fn check(gpg: &Gpg, keys: &[&str], signed: &str) -> Result<Verified, SignatureError> {
    let keyring = gpg.export(keys);
    let ours = verify_cleartext(signed.as_bytes(), &Keyring::parse(&keyring).unwrap(), now());
    let theirs = gpg.gpgv(&keyring, signed.as_bytes());
    match (&ours, &theirs) {
        (Ok(verified), Some(text)) => {
            // gpgv keeps blanks at the ends of lines, which nobody signed.
            let text = String::from_utf8(text.clone()).unwrap();
            let lines = text.lines().map(|line| line.trim_end_matches([' ', '\t']));
            assert_eq!(
                verified.text.lines().collect::<Vec<_>>(),
                lines.collect::<Vec<_>>()
            );
        }
        (Err(_), None) => (),
        _ => panic!("we say {ours:?}, gpgv says {theirs:?}"),
    }
    ours
}

#[track_caller]
fn refused(gpg: &Gpg, keys: &[&str], signed: &str) -> Vec<FaultReason> {
    match check(gpg, keys, signed) {
        Err(SignatureError::Untrusted(faults)) => {
            faults.into_iter().map(|fault| fault.reason).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_of_all_usual_kinds_are_read() {
    let gpg = Gpg::new();
    for algorithm in ["ed25519", "rsa2048", "rsa4096", "nistp256"] {
        let name = &format!("{algorithm}@example.org");
        let key = NewKey {
            algorithm,
            ..NewKey::named(name)
        };
        gpg.make_key(&key, None);
        for hash in ["SHA256", "SHA384", "SHA512"] {
            let signed = gpg.clear_sign_with(&[name], TEXT, &["--digest-algo", hash], None);
            let verified = check(&gpg, &[name], &signed).unwrap();
            assert_eq!(verified.signers[0].fingerprint, gpg.fingerprints(name)[0]);
            assert!((now() - verified.signers[0].signed) < Duration::minutes(10));
            assert!(verified.text.contains("Suite: stable\n- dashed\n-\n"));
        }
    }
}

#[test]
fn a_keyring_may_be_armoured_and_hold_several_keys() {
    let gpg = Gpg::new();
    gpg.make_key(&NewKey::named("a@example.org"), None);
    gpg.make_key(&NewKey::named("b@example.org"), None);
    let signed = gpg.clear_sign(&["b@example.org"], TEXT);
    let apart = [
        gpg.export_armoured(&["a@example.org"]),
        gpg.export_armoured(&["b@example.org"]),
    ];
    for armoured in [gpg.export_armoured(&[]), apart.concat()] {
        let keyring = Keyring::parse(&armoured).unwrap();
        assert_eq!(keyring.fingerprints().count(), 2);
        verify_cleartext(signed.as_bytes(), &keyring, now()).unwrap();
    }
    let keybox = std::fs::read(gpg.home().join("pubring.kbx")).unwrap();
    assert!(matches!(Keyring::parse(&keybox), Err(KeyringError::Keybox)));
    assert!(matches!(Keyring::parse(b""), Err(KeyringError::Empty(_))));
    assert!(matches!(
        Keyring::parse(b"no key\n"),
        Err(KeyringError::Empty(_))
    ));
}

#[test]
fn a_text_that_was_changed_anywhere_is_refused() {
    let gpg = Gpg::new();
    gpg.make_key(&NewKey::named("a@example.org"), None);
    let signed = gpg.clear_sign(&["a@example.org"], TEXT);
    check(&gpg, &["a@example.org"], &signed).unwrap();
    let keyring = Keyring::parse(&gpg.export(&[])).unwrap();
    let end = signed.find("-----BEGIN PGP SIGNATURE").unwrap();
    let start = signed.find("\n\n").unwrap() + 2;
    let genuine = verify_cleartext(signed.as_bytes(), &keyring, now()).unwrap();
    for place in 0..signed.len() {
        let mut changed = signed.clone().into_bytes();
        changed[place] ^= 1;
        // Some bytes of the frame mean nothing; the text and who signed it stay what they were in any case.
        match verify_cleartext(&changed, &keyring, now()) {
            Ok(verified) => {
                let is_blank_at_end = matches!(signed.as_bytes()[place], b' ' | b'\t');
                assert!(!(start..end).contains(&place) || is_blank_at_end, "{place}");
                assert_eq!(verified, genuine, "{place}");
            }
            Err(error) => drop(error),
        }
    }
    let changed = signed.replace("Suite: stable", "Suite: unstable");
    let error = check(&gpg, &["a@example.org"], &changed).expect_err("another text");
    assert!(matches!(error, SignatureError::Bad { .. }), "{error}");
}

#[test]
fn a_wrong_signature_is_refused_also_beside_a_good_one() {
    let gpg = Gpg::new();
    gpg.make_key(&NewKey::named("a@example.org"), None);
    gpg.make_key(&NewKey::named("b@example.org"), None);
    let one = gpg.clear_sign(&["a@example.org"], TEXT);
    let both = gpg.clear_sign(&["a@example.org", "b@example.org"], TEXT);
    let verified = check(&gpg, &["a@example.org", "b@example.org"], &both).unwrap();
    assert_eq!(verified.signers.len(), 2);
    let keyring = Keyring::parse(&gpg.export(&["b@example.org"])).unwrap();
    let verified = verify_cleartext(both.as_bytes(), &keyring, now()).unwrap();
    assert_eq!(verified.signers.len(), 1, "one of two is enough");
    assert_eq!(
        refused(&gpg, &["b@example.org"], &one),
        [FaultReason::UnknownKey]
    );
    let bare = one.split("-----BEGIN PGP SIGNATURE").next().unwrap();
    let error = check(&gpg, &["a@example.org"], bare).expect_err("no signature");
    assert!(matches!(error, SignatureError::Form(_)), "{error}");
    let error = check(&gpg, &["a@example.org"], TEXT).expect_err("no signature");
    assert!(matches!(error, SignatureError::Form(_)), "{error}");
}

#[test]
fn an_expired_key_or_signature_does_not_count() {
    let gpg = Gpg::new();
    let old = Some("20240101T000000");
    let key = NewKey {
        expires: "2024-06-01",
        ..NewKey::named("old@example.org")
    };
    gpg.make_key(&key, old);
    let signed = gpg.clear_sign_with(&["old@example.org"], TEXT, &[], old);
    // gpgv itself tells an expired key by its status, and exits without an error.
    let keyring = Keyring::parse(&gpg.export(&["old@example.org"])).unwrap();
    let reasons = |signed: &str, keyring: &Keyring, now| match verify_cleartext(
        signed.as_bytes(),
        keyring,
        now,
    ) {
        Err(SignatureError::Untrusted(faults)) => faults[0].reason.clone(),
        other => panic!("{other:?}"),
    };
    let FaultReason::Key(KeyFault::Expired(end)) = reasons(&signed, &keyring, now()) else {
        panic!("the key has expired");
    };
    assert_eq!(end.date_naive().to_string(), "2024-06-01");
    let then = "2024-01-02T00:00:00Z".parse().unwrap();
    verify_cleartext(signed.as_bytes(), &keyring, then).unwrap();
    let before = "2023-12-31T00:00:00Z".parse().unwrap();
    assert_eq!(reasons(&signed, &keyring, before), FaultReason::Time);

    gpg.make_key(&NewKey::named("a@example.org"), old);
    let options = ["--default-sig-expire", "2024-02-01"];
    let signed = gpg.clear_sign_with(&["a@example.org"], TEXT, &options, old);
    let keyring = Keyring::parse(&gpg.export(&["a@example.org"])).unwrap();
    assert_eq!(reasons(&signed, &keyring, now()), FaultReason::Time);
    verify_cleartext(signed.as_bytes(), &keyring, then).unwrap();

    // Its life was made longer: the newest self-signature counts.
    let fingerprint = &gpg.fingerprints("old@example.org")[0];
    run(gpg
        .command(Some("20240301T000000"))
        .args(["--quick-set-expire", fingerprint, "20y"]));
    let signed = gpg.clear_sign(&["old@example.org"], TEXT);
    check(&gpg, &["old@example.org"], &signed).unwrap();
}

#[test]
fn a_revoked_key_does_not_count() {
    let gpg = Gpg::new();
    gpg.make_key(&NewKey::named("a@example.org"), None);
    let signed = gpg.clear_sign(&["a@example.org"], TEXT);
    let before = gpg.export(&["a@example.org"]);
    check(&gpg, &["a@example.org"], &signed).unwrap();
    gpg.revoke("a@example.org");
    let after = gpg.export(&["a@example.org"]);
    for keyring in [after.clone(), [before.clone(), after].concat()] {
        let keyring = Keyring::parse(&keyring).unwrap();
        match verify_cleartext(signed.as_bytes(), &keyring, now()) {
            Err(SignatureError::Untrusted(faults)) => {
                assert_eq!(faults[0].reason, FaultReason::Key(KeyFault::Revoked));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_subkey_signs_for_its_key_until_it_is_revoked() {
    let gpg = Gpg::new();
    let key = NewKey {
        usage: "cert",
        ..NewKey::named("a@example.org")
    };
    gpg.make_key(&key, None);
    let fingerprint = gpg.fingerprints("a@example.org")[0].clone();
    let add = ["--quick-add-key", &fingerprint, "ed25519", "sign", "never"];
    run(gpg.command(None).args(add));
    let signed = gpg.clear_sign(&["a@example.org"], TEXT);
    let verified = check(&gpg, &["a@example.org"], &signed).unwrap();
    let subkey = gpg.fingerprints("a@example.org")[1].clone();
    assert_eq!(verified.signers[0].fingerprint, subkey);

    let whole = gpg.export(&["a@example.org"]);
    Gpg::feed(
        gpg.command(None)
            .args(["--command-fd", "0", "--edit-key", &fingerprint]),
        b"key 1\nrevkey\ny\n0\n\ny\nsave\n",
    );
    let keyring = Keyring::parse(&gpg.export(&["a@example.org"])).unwrap();
    let reason = match verify_cleartext(signed.as_bytes(), &keyring, now()) {
        Err(SignatureError::Untrusted(faults)) => faults[0].reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, FaultReason::Key(KeyFault::Revoked));

    // A foreign subkey with its binding behind another key: nothing binds the two.
    gpg.make_key(&NewKey::named("b@example.org"), None);
    let other = gpg.export(&["b@example.org"]);
    let packets = split_packets(&whole);
    let adopted = [other, packets[packets.len() - 2..].concat()].concat();
    let keyring = Keyring::parse(&adopted).unwrap();
    let reason = match verify_cleartext(signed.as_bytes(), &keyring, now()) {
        Err(SignatureError::Untrusted(faults)) => faults[0].reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, FaultReason::Key(KeyFault::NotBound));
    // A key without its own signature on its name.
    let keyring =
        Keyring::parse(&[packets[..1].concat(), packets[packets.len() - 2..].concat()].concat());
    let reason = match verify_cleartext(signed.as_bytes(), &keyring.unwrap(), now()) {
        Err(SignatureError::Untrusted(faults)) => faults[0].reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, FaultReason::Key(KeyFault::NotSelfSigned));
}

/// Cuts a keyring into its packets (RFC 9580, section 4.2); `gpg` writes them in the old form, with lengths of one or two bytes.
fn split_packets(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let (head, length) = match bytes[0] & 0b1100_0011 {
            0x80 => (2, usize::from(bytes[1])),
            0x81 => (3, usize::from(bytes[1]) << 8 | usize::from(bytes[2])),
            other => panic!("{other:x}"),
        };
        let (packet, rest) = bytes.split_at(head + length);
        packets.push(packet.to_vec());
        bytes = rest;
    }
    packets
}

#[test]
fn weak_hashes_and_keys_for_other_things_do_not_count() {
    let gpg = Gpg::new();
    let key = NewKey {
        algorithm: "rsa2048",
        ..NewKey::named("a@example.org")
    };
    gpg.make_key(&key, None);
    for hash in ["SHA1", "SHA224", "RIPEMD160"] {
        let signed = gpg.clear_sign_with(&["a@example.org"], TEXT, &["--digest-algo", hash], None);
        let keyring = Keyring::parse(&gpg.export(&["a@example.org"])).unwrap();
        match verify_cleartext(signed.as_bytes(), &keyring, now()) {
            Err(SignatureError::Untrusted(faults)) => {
                assert_eq!(faults[0].reason, FaultReason::WeakHash(hash.to_owned()));
            }
            other => panic!("{other:?}"),
        }
    }
    // It says that it only certifies, but signed once.
    let key = NewKey {
        algorithm: "rsa2048",
        ..NewKey::named("b@example.org")
    };
    gpg.make_key(&key, Some("20240101T000000"));
    let signed = gpg.clear_sign(&["b@example.org"], TEXT);
    let fingerprint = gpg.fingerprints("b@example.org")[0].clone();
    let edit = ["--command-fd", "0", "--edit-key", &fingerprint];
    Gpg::feed(gpg.command(None).args(edit), b"change-usage\ns\nq\nsave\n");
    let keyring = Keyring::parse(&gpg.export(&["b@example.org"])).unwrap();
    match verify_cleartext(signed.as_bytes(), &keyring, now()) {
        Err(SignatureError::Untrusted(faults)) => {
            assert_eq!(faults[0].reason, FaultReason::Key(KeyFault::NotForSigning));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_counts_between_its_dates() {
    let gpg = Gpg::new();
    gpg.make_key(&NewKey::named("a@example.org"), Some("20250101T000000"));
    let text = "Suite: stable\nDate: Sat, 07 Jun 2025 10:23:47 UTC\nValid-Until: Sat, 14 Jun 2025 10:23:47 UTC\nSHA256:\n";
    let signed = gpg.clear_sign_with(&["a@example.org"], text, &[], Some("20250607T102400"));
    let keyring = Keyring::parse(&gpg.export(&[])).unwrap();
    let read = |now: &str| parse_in_release(signed.as_bytes(), &keyring, now.parse().unwrap());
    let release = read("2025-06-08T00:00:00Z").unwrap();
    assert_eq!(release.release.suite.as_deref(), Some("stable"));
    assert!(matches!(
        read("2025-06-15T00:00:00Z"),
        Err(ReleaseError::Expired(_))
    ));
    assert!(matches!(
        read("2025-06-07T10:00:00Z"),
        Err(ReleaseError::Future(_))
    ));
}

/// The machine's own lists, where it has any.
#[test]
fn real_lists_are_read_with_the_machines_keyring() {
    let keyring = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    let Ok(lists) = std::fs::read_dir("/var/lib/apt/lists") else {
        return;
    };
    let Ok(keyring) = std::fs::read(keyring) else {
        return;
    };
    let keyring = Keyring::parse(&keyring).unwrap();
    for list in lists {
        let path = list.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains("debian") || !name.ends_with("_InRelease") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let verified = verify_cleartext(&bytes, &keyring, now()).unwrap();
        let release = pkg::debian::parse_release(&verified.text).unwrap();
        assert!(release.acquire_by_hash, "{name}");
        assert!(release.files.len() > 10, "{name}");
        let then = release.date + Duration::minutes(1);
        parse_in_release(&bytes, &keyring, then.max(verified.signers[0].signed)).unwrap();
    }
}

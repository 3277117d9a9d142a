//! A full disk: the run stops with a sentence, nothing that was finished is lost, and going on with space again leads to
//! the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{nas, tiny};

/// Names the small disk to the process that was started on it.
const DISK: &str = "NAS_CLI_TEST_DISK";

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=2m tmpfs "$NAS_CLI_TEST_DISK" || exit 77; exec "$@""#;
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::on_a_small_disk", "--nocapture"])
        .env(DISK, folder.path())
        .output();
    let allowed = output
        .as_ref()
        .is_ok_and(|o| o.status.code() != Some(77) && !String::from_utf8_lossy(&o.stderr).starts_with("unshare:"));
    match output {
        Ok(output) if allowed => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        _ => say_skipped(),
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn say_skipped() {
    eprintln!("skipped: no small file system can be mounted here");
}

/// Not a test by itself but what the test above runs on the small disk; passes at once otherwise.
#[test]
fn on_a_small_disk() {
    let Ok(disk) = std::env::var(DISK) else { return };
    let disk = Path::new(&disk);
    let how = ["--in-process", "--threads", "1", "--no-baseline"];
    let elsewhere = tempfile::tempdir().unwrap();
    nas(elsewhere.path(), &tiny(&[&how[..], &["--out", "whole"]].concat())).ok();
    let mut stopped = 0;
    // At each of these the disk fills at another moment: making the study, in a trial, saving the final training.
    for left in [8, 48, 96, 160, 240, 400] {
        let ballast = disk.join("ballast");
        fs::write(&ballast, vec![1; (2048 - left) * 1024]).unwrap();
        let ran = nas(disk, &tiny(&[&how[..], &["--out", "out"]].concat()));
        fs::remove_file(&ballast).unwrap();
        if ran.code != 0 {
            stopped += 1;
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
            assert!(
                ran.stderr.contains("full") && ran.stderr.contains("free some space"),
                "{left} KiB: {}",
                ran.stderr
            );
            if disk.join("out/study.db").exists() && nas(disk, &["resume", "out", "--json"]).code == 0 {
                for file in ["arch.json", "model.safetensors", "metrics.csv"] {
                    let whole = fs::read(elsewhere.path().join("whole").join(file)).unwrap();
                    assert!(whole == fs::read(disk.join("out").join(file)).unwrap(), "{left} KiB: {file} differs");
                }
            } else {
                // Only where there was no room for the study itself is there nothing to go on from.
                assert!(left < 100, "{left} KiB: nothing to go on from; {}", ran.stderr);
            }
        }
        let _ = fs::remove_dir_all(disk.join("out"));
    }
    assert!(stopped >= 3, "only {stopped} of the disks were small enough");
}

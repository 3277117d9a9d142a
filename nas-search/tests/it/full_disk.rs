//! A disk that is really full: a small file system in memory, mounted where only the test program itself, started anew
//! in a name space of its own, sees it. Where the system does not allow that, the test says so and checks nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use nas_search::{Proposal, SearchError, Study, files::write_atomically};
use nas_space::Architecture;
use serde_json::Value;

use crate::toy::info;

const DISK: &str = "NAS_SEARCH_TEST_DISK";

#[test]
fn a_full_disk_is_said_plainly_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=1m tmpfs "$NAS_SEARCH_TEST_DISK" || exit 77; exec "$@""#;
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
    // At each of these the disk fills at another moment: while the study is made, and at several steps of a commit.
    let kept: Vec<u64> = [4, 20, 60, 100, 104, 108, 140, 300].into_iter().map(|left| fill(disk, left)).collect();
    assert_eq!(kept[0], 0);
    assert!(kept[7] > 5, "{kept:?}");
}

/// Leaves so many KiB and writes trials until the disk is full. Returns how many the study holds once there is space.
fn fill(disk: &Path, left: usize) -> u64 {
    let (ballast, path) = (disk.join("ballast"), disk.join("study.db"));
    fs::write(&ballast, vec![1; (1024 - left) * 1024]).unwrap();
    let mut kept = 0;
    let error = match Study::create(&path, &info()) {
        Err(error) => error,
        Ok(study) => loop {
            let architecture = Architecture { space: "digits".into(), choices: vec![1, 2, 3, 4, 5] };
            let proposal = Proposal { note: Value::String("x".repeat(5000)), ..Proposal::new(architecture) };
            match study.add_proposal("random", kept, proposal, "", 1) {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
            assert!(kept < 1000, "a disk of 1 MiB takes 5 MB");
        },
    };
    check_message(&error, &path, disk);
    check_message(&write_atomically(&disk.join("model"), &vec![2; 2 << 20]).unwrap_err(), &disk.join("model"), disk);
    fs::remove_file(&ballast).unwrap();
    if path.exists() {
        let study = Study::open(&path).unwrap();
        assert_eq!(study.trials("random").unwrap().len() as u64, kept, "{left} KiB left");
    }
    for entry in fs::read_dir(disk).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    kept
}

fn check_message(error: &SearchError, path: &Path, folder: &Path) {
    let (path, folder) = (path.display(), folder.display());
    let expect = format!("the disk that holds {path} is full; free some space, then `nas resume {folder}`");
    assert_eq!(error.to_string(), expect);
}

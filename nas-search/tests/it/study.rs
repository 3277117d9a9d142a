//! The study as a file: what it keeps, and what it says of files that are none.

use std::fs;
use std::path::Path;

use nas_search::{Failure, Measurement, Proposal, Study, StudyInfo, TrialState};
use nas_space::Architecture;
use rusqlite::Connection;
use serde_json::json;

use crate::toy::info;

fn proposal(first: usize) -> Proposal {
    let architecture = Architecture { space: "digits".into(), choices: vec![first, 2, 3, 4, 5] };
    Proposal { architecture, parent: Some(3), note: json!({ "why": ["so"] }), epochs: Some(first as u64) }
}

fn measurement() -> Measurement {
    Measurement {
        // No short decimal form, and the largest counts.
        accuracy: 0.1 + 0.2,
        loss: 1.0 / 3.0,
        parameters: 1 << 40,
        flops: i64::MAX as u64,
        epochs: 3,
        latency: Some(1e-9),
        extra: json!({ "curve": [0.1, 0.7], "name": "ö" }),
    }
}

fn in_folder(test: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    test(&folder.path().join("study.db"));
}

#[test]
fn everything_comes_back_as_it_was() {
    in_folder(|path| {
        let info = StudyInfo { seed: u64::MAX, ..info() };
        let study = Study::create(path, &info).unwrap();
        let waiting = study.add_proposal("random", 0, proposal(1), "1-2-3-4-5", u64::MAX).unwrap();
        study.add_proposal("random", 1, proposal(2), "", 7).unwrap();
        study.add_proposal("other", 0, proposal(3), "", 8).unwrap();
        assert_eq!((waiting.state, waiting.seed), (TrialState::Waiting, u64::MAX));
        for id in [0, 1] {
            study.mark_running(id).unwrap();
        }
        study.complete(0, &measurement(), 1.5).unwrap();
        study.fail(1, &Failure::new("crash", "it's \"gone\""), 0.5).unwrap();
        study.save_strategy("random", 2, &json!({ "x": 0.1 })).unwrap();
        study.set("phase", "final").unwrap();
        drop(study);

        let study = Study::open(path).unwrap();
        assert_eq!(study.info().unwrap(), info);
        let trials = study.trials("random").unwrap();
        assert_eq!((trials[0].measurement.clone(), trials[0].seconds), (Some(measurement()), Some(1.5)));
        assert_eq!(trials[0].proposal, proposal(1));
        assert_eq!(trials[1].failure, Some(Failure::new("crash", "it's \"gone\"")));
        assert_eq!(
            study.all_trials().unwrap().iter().map(|t| (t.id, t.number)).collect::<Vec<_>>(),
            [(0, 0), (1, 1), (2, 0)]
        );
        assert_eq!(study.load_strategy("random").unwrap(), Some((2, json!({ "x": 0.1 }))));
        assert_eq!(study.load_strategy("other").unwrap(), None);
        assert_eq!(study.get("phase").unwrap().as_deref(), Some("final"));
        study.remove("phase").unwrap();
        assert_eq!(study.get("phase").unwrap(), None);
    });
}

#[test]
fn a_trial_moves_one_way_only() {
    let study = Study::in_memory(&info()).unwrap();
    study.add_proposal("random", 0, proposal(1), "", 1).unwrap();
    let refused = |result: Result<(), nas_search::SearchError>| result.unwrap_err().to_string();
    let complete = || study.complete(0, &measurement(), 1.0);
    assert_eq!(refused(complete()), "trial 0 is waiting, not running: its result cannot be recorded");
    study.mark_running(0).unwrap();
    complete().unwrap();
    assert_eq!(refused(complete()), "trial 0 is complete, not running: its result cannot be recorded");
    study.mark_waiting(0).unwrap();
    assert_eq!(study.trial(0).unwrap().state, TrialState::Complete);
    assert_eq!(study.trial(9).unwrap_err().to_string(), "study in memory has no trial 9");
    assert_eq!(refused(study.mark_running(9)), "study in memory has no trial 9");
    let again = study.add_proposal("random", 0, proposal(1), "", 1).unwrap_err().to_string();
    assert!(again.starts_with("study in memory: cannot add a trial: UNIQUE"), "{again}");
}

#[test]
fn a_fingerprint_sees_results_and_no_times() {
    let make = |accuracy: f64, seconds: f64, latency: f64| {
        let study = Study::in_memory(&info()).unwrap();
        study.add_proposal("random", 0, proposal(1), "", 1).unwrap();
        study.mark_running(0).unwrap();
        let measured = Measurement { accuracy, latency: Some(latency), ..measurement() };
        study.complete(0, &measured, seconds).unwrap();
        study.set("seconds/random", &seconds.to_string()).unwrap();
        study.fingerprint().unwrap()
    };
    assert_eq!(make(0.5, 1.0, 0.1), make(0.5, 2.0, 0.2));
    assert_ne!(make(0.5, 1.0, 0.1), make(0.5f64.next_up(), 1.0, 0.1));
}

#[test]
fn any_sqlite_tool_reads_it() {
    in_folder(|path| {
        let study = Study::create(path, &info()).unwrap();
        study.add_proposal("random", 0, proposal(1), "text", 1).unwrap();
        study.mark_running(0).unwrap();
        study.complete(0, &measurement(), 1.5).unwrap();
        let other = Connection::open(path).unwrap();
        let sql = "SELECT state, accuracy, architecture, text FROM trials";
        type Row = (String, f64, String, String);
        let row: Row = other.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap();
        let architecture = r#"{"space":"digits","choices":[1,2,3,4,5]}"#.to_owned();
        assert_eq!(row, ("complete".into(), 0.1 + 0.2, architecture, "text".into()));
        let mode: String = other.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
        assert_eq!(mode, "wal");
    });
}

/// What opening a file says, with its path shortened.
fn check_open(prepare: impl FnOnce(&Path), expect: &str) {
    in_folder(|path| {
        prepare(path);
        let message = Study::open(path).unwrap_err().to_string();
        let message = message.replace(path.to_str().unwrap(), "PATH");
        assert!(message.starts_with(expect), "{message}\n does not begin with\n{expect}");
    });
}

fn full_study(path: &Path) {
    let study = Study::create(path, &info()).unwrap();
    for number in 0..200 {
        study.add_proposal("random", number, proposal(1), "", 1).unwrap();
    }
    drop(study);
}

#[test]
fn files_that_are_no_study_get_a_sentence() {
    check_open(|_| {}, "there is no study at PATH; `nas search` begins one");
    check_open(|path| fs::write(path, "").unwrap(), "PATH is not a study of nas: the file is empty");
    check_open(|path| fs::write(path, "abc").unwrap(), "PATH is not a study of nas: the file is too short");
    let text = "[search]\nspace = 'darts'\n";
    check_open(|path| fs::write(path, text).unwrap(), "PATH is not a study of nas: it is no SQLite database");
    check_open(|path| fs::create_dir(path).unwrap(), "PATH is not a study of nas: it is a folder");
    let other = |path: &Path| Connection::open(path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    check_open(other, "PATH is not a study of nas: it is an SQLite database of another program");
    let newer = |path: &Path| {
        full_study(path);
        Connection::open(path).unwrap().execute_batch("PRAGMA user_version = 7").unwrap();
    };
    check_open(newer, "study PATH has schema 7, this program knows up to 2: update nas");
}

#[test]
fn a_study_cut_short_or_overwritten_gets_a_sentence() {
    for keep in [16, 100, 1000, 4096, 20_000] {
        let cut = |path: &Path| {
            full_study(path);
            let bytes = fs::read(path).unwrap();
            assert!(bytes.len() > keep, "the study has only {} bytes", bytes.len());
            fs::write(path, &bytes[..keep]).unwrap();
        };
        check_open(cut, "study PATH is damaged (");
    }
    let scratched = |path: &Path| {
        full_study(path);
        let mut bytes = fs::read(path).unwrap();
        bytes[4096..16_384].fill(0x5a);
        fs::write(path, bytes).unwrap();
    };
    check_open(scratched, "study PATH is damaged (");
}

#[test]
fn nonsense_in_a_row_gets_a_sentence() {
    in_folder(|path| {
        full_study(path);
        let other = Connection::open(path).unwrap();
        other.execute_batch("UPDATE trials SET architecture = '{' WHERE id = 3").unwrap();
        let study = Study::open(path).unwrap();
        let message = study.trials("random").unwrap_err().to_string();
        assert!(message.contains("is damaged (the architecture of trial 3: "), "{message}");
    });
}

#[test]
fn a_study_whose_making_was_cut_off_is_blank() {
    in_folder(|path| {
        assert!(!Study::is_blank(path), "there is no file");
        fs::write(path, "").unwrap();
        assert!(Study::is_blank(path));
        // The journal is chosen before the one change that makes the study.
        Connection::open(path).unwrap().query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        assert!(Study::is_blank(path));
    });
    in_folder(|path| {
        let values = [("caller/a", "1"), ("caller/b", "2")];
        let study = Study::create_with(path, &info(), &values).unwrap();
        assert!(!Study::is_blank(path));
        assert_eq!(values.map(|(key, _)| study.get(key).unwrap().unwrap()), ["1", "2"]);
    });
    in_folder(|path| {
        fs::write(path, "no database").unwrap();
        assert!(!Study::is_blank(path));
    });
}

#[test]
fn a_study_is_never_overwritten() {
    in_folder(|path| {
        full_study(path);
        let message = Study::create(path, &info()).unwrap_err().to_string();
        let (path_text, folder) = (path.display(), path.parent().unwrap().display());
        let expect = format!(
            "there is a study at {path_text} already; go on with `nas resume {folder}` or choose another folder"
        );
        assert_eq!(message, expect);
        assert_eq!(Study::open(path).unwrap().trials("random").unwrap().len(), 200);
    });
    let nowhere = Study::create("/nowhere/at/all/study.db", &info()).unwrap_err().to_string();
    assert!(nowhere.starts_with("cannot make the study /nowhere/at/all/study.db: "), "{nowhere}");
}

#[test]
fn several_writers_share_one_study() {
    in_folder(|path| {
        let study = Study::create(path, &info()).unwrap();
        let trials = 40;
        for number in 0..trials {
            study.add_proposal("random", number, proposal(1), "", number).unwrap();
            study.mark_running(number).unwrap();
        }
        std::thread::scope(|scope| {
            for part in 0..4 {
                scope.spawn(move || {
                    let study = Study::open(path).unwrap();
                    for id in (part..trials).step_by(4) {
                        study.complete(id, &measurement(), id as f64).unwrap();
                    }
                });
            }
        });
        let trials = study.trials("random").unwrap();
        assert!(trials.iter().all(|t| t.state == TrialState::Complete && t.seconds == Some(t.id as f64)));
    });
}

#[test]
fn one_search_at_a_time() {
    in_folder(|path| {
        let study = Study::create(path, &info()).unwrap();
        study.claim().unwrap();
        study.claim().unwrap();
        let other = Study::open(path).unwrap();
        let message = other.claim().unwrap_err().to_string();
        assert!(message.ends_with("another `nas` is running this search; wait for it or stop it first"), "{message}");
        drop(study);
        other.claim().unwrap();
    });
}

#[test]
fn a_study_of_the_first_schema_is_brought_up_to_date() {
    in_folder(|path| {
        let study = Study::create(path, &info()).unwrap();
        let old = Proposal { epochs: None, ..proposal(1) };
        study.add_proposal("random", 0, old.clone(), "", 1).unwrap();
        drop(study);
        // The first schema knew no epochs of a proposal's own.
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("ALTER TABLE trials DROP COLUMN asked_epochs; PRAGMA user_version = 1;").unwrap();
        drop(connection);
        let study = Study::open(path).unwrap();
        assert_eq!(study.trial(0).unwrap().proposal, old);
        study.add_proposal("random", 1, proposal(2), "", 1).unwrap();
        assert_eq!(study.trial(1).unwrap().proposal, proposal(2));
    });
}

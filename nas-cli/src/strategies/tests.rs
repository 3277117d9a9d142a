//! What is read of the text of a method, and that each of its settings reaches it.

use super::*;
use crate::hypernet::Hypernet;
use crate::oneshot::OneShot;
use nas_space::spaces::NasBench201;

fn check_error(text: &str, expect: &str) {
    assert_eq!(Method::parse(text).err().expect("it is wrong").to_string(), expect);
}

#[test]
fn methods_are_read_with_their_settings() {
    let text = "evolution:population=20:sample=5";
    let method = Method::parse(text).unwrap();
    assert_eq!((method.known.name, method.to_string().as_str()), ("evolution", text));
    let more = method.or("population", 9).or("identity", 0.5).or("nonsense", 1);
    assert_eq!(more.to_string(), "evolution:population=20:sample=5:identity=0.5");
}

#[test]
fn what_cannot_be_read_is_said() {
    check_error(
        "evolutoin",
        &format!(
            "there is no search strategy `evolutoin`; the strategies are {}; did you mean `evolution`?",
            KNOWN.iter().map(|k| k.name).collect::<Vec<_>>().join(", ")
        ),
    );
    check_error(
        "evolution:popluation=3",
        "strategy `evolution` has no setting `popluation`; it has population, sample, identity; did you mean \
         `population`?",
    );
    check_error("random:seed=3", "strategy `random` has nothing to set; leave `seed=3` out");
    check_error("evolution:sample=3:sample=4", "`evolution:sample=3:sample=4` sets `sample` twice; leave one out");
    check_error(
        "evolution:20",
        "`20` in `evolution:20` sets nothing; settings are written as in `evolution:population=20:sample=5`",
    );
}

#[test]
fn every_method_is_made_with_its_own_name_and_keys() {
    let task = Task {
        space: Arc::new(NasBench201),
        seed: Seed::new(1),
        trials: 50,
        epochs: Epochs::UpTo(16),
        objectives: vec![Objective::Accuracy, Objective::Parameters],
    };
    for known in KNOWN {
        let (one_shot, hypernet) = (OneShot::asked(known.name).unwrap(), Hypernet::asked(known.name).unwrap());
        if one_shot.is_some() || hypernet.is_some() {
            // Where it learns is a name, which is looked up later.
            for (key, _) in known.settings.iter().filter(|(key, _)| *key != "learn_from") {
                let text = format!("{}:{key}=nonsense", known.name);
                let read = OneShot::asked(&text).is_err() || Hypernet::asked(&text).is_err();
                assert!(read, "{} does not read {key}", known.name);
            }
            continue;
        }
        assert_eq!(Method::parse(known.name).unwrap().make(&task).unwrap().name(), known.name);
        for (key, _) in known.settings {
            // A key of the list that its method never reads would be ignored in silence.
            let nonsense = Method::parse(&format!("{}:{key}=nonsense", known.name)).unwrap();
            assert!(nonsense.make(&task).is_err(), "{} does not read {key}", known.name);
        }
    }
}

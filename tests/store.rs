//! The store keeps what it was told, in order, once, sealed, and says so when it cannot.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use reconverge::adapters::store::{DeviceFacts, JournalEntry, RunFilter, Store, StoreError};
use reconverge::domain::name::{DeviceName, PlanId, RunId};
use reconverge::domain::snapshot::Digest;
use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;

fn url(state: &Path) -> String {
    format!("sqlite://{}/state.db", state.display())
}

async fn open(state: &Path) -> Store {
    Store::open(&url(state), state).await.unwrap()
}

/// Changes the file behind the store's back.
async fn damage(state: &Path, sql: &'static str) {
    let pool = SqlitePool::connect(&url(state)).await.unwrap();
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

fn run(number: u128) -> RunId {
    RunId::new(i64::try_from(number).unwrap(), number)
}

fn device(name: &str) -> DeviceName {
    name.parse().unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

#[tokio::test]
async fn events_come_back_in_order_and_a_stale_writer_is_rejected() {
    let store = Store::in_memory().await.unwrap();
    let (one, other) = (run(1), run(2));
    store.append(&one, 0, &[json!({"a": 1}), json!("b")]).await.unwrap();
    store.append(&one, 2, &[json!([3])]).await.unwrap();
    store.append(&other, 0, &[json!(null)]).await.unwrap();
    for stale in [0, 1, 2, 4, u64::MAX] {
        let error = store.append(&one, stale, &[json!("late")]).await.unwrap_err();
        let StoreError::Conflict { expected, actual, .. } = error else { panic!("{error}") };
        assert_eq!((expected, actual), (stale, 3));
    }
    assert_eq!(store.events(&one).await.unwrap(), [json!({"a": 1}), json!("b"), json!([3])]);
    assert_eq!(store.events(&other).await.unwrap(), [json!(null)]);
    assert_eq!(store.events(&run(9)).await.unwrap(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_append_happens_whole_or_not_at_all() {
    let store = Store::in_memory().await.unwrap();
    let huge = Value::String("x".repeat(5 << 20));
    assert!(matches!(store.append(&run(1), 0, &[json!(1), huge]).await, Err(StoreError::Limit { .. })));
    assert!(store.events(&run(1)).await.unwrap().is_empty());
    store.append(&run(1), 0, &[json!(1)]).await.unwrap();
    assert!(matches!(store.append(&run(1), 1, &vec![json!(1); 1001]).await, Err(StoreError::Limit { .. })));
    assert_eq!(store.events(&run(1)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn processes_open_a_new_store_one_after_the_other() {
    // SQLite says "database is locked" at once when two connections switch a new file to WAL at the same time.
    let state = tempfile::tempdir().unwrap();
    let (address, folder) = (url(state.path()), state.path());
    let turn = std::fs::File::create(folder.join("state.db.lock")).unwrap();
    turn.lock().unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), Store::open(&address, folder)).await;
    assert!(early.is_err(), "it is not its turn yet");
    drop(turn);
    for _ in 0..20 {
        let state = tempfile::tempdir().unwrap();
        let (address, folder) = (url(state.path()), state.path());
        let (left, right) = tokio::join!(Store::open(&address, folder), Store::open(&address, folder));
        let digest = left.unwrap().put_snapshot("text").await.unwrap();
        assert_eq!(right.unwrap().snapshot(&digest).await.unwrap().as_deref(), Some("text"), "both have the same key");
    }
}

#[tokio::test]
async fn of_two_processes_exactly_one_writes_each_event() {
    let state = tempfile::tempdir().unwrap();
    // Both open a store that does not exist yet.
    let (address, folder) = (url(state.path()), state.path());
    let (left, right) = tokio::join!(Store::open(&address, folder), Store::open(&address, folder));
    let (left, right) = (left.unwrap(), right.unwrap());
    for seq in 0..20 {
        let (event_l, event_r) = ([json!(["l", seq])], [json!(["r", seq])]);
        let id = run(1);
        let (l, r) = tokio::join!(left.append(&id, seq, &event_l), right.append(&id, seq, &event_r));
        assert!(l.is_ok() != r.is_ok(), "{l:?} {r:?}");
        let loser = l.err().or(r.err()).unwrap();
        assert!(matches!(loser, StoreError::Conflict { .. }), "{loser:?}");
    }
    assert_eq!(left.events(&run(1)).await.unwrap(), right.events(&run(1)).await.unwrap());
    assert_eq!(left.events(&run(1)).await.unwrap().len(), 20);
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let (id, plan): (PlanId, _) = ("0123456789abcdef".parse().unwrap(), json!({"z": 1, "a": [1, {"b": null}]}));
    let entry = |step: &str, ms| JournalEntry {
        run: run(1),
        device: device("r1"),
        step: step.into(),
        at: at(ms),
        detail: json!({"n": ms}),
    };
    let (store, digest) = (open(state.path()).await, Digest::of("hostname r1\n"));
    store.append(&run(1), 0, &[json!({"e": 0})]).await.unwrap();
    store.put_plan(&id, &plan).await.unwrap();
    store.set_status("net", &json!({"applied": "c0"})).await.unwrap();
    store.set_status("net", &json!({"applied": "c1"})).await.unwrap();
    for (step, ms) in [("stage", 5), ("commit", 6), ("confirm", 6)] {
        store.write_journal(&entry(step, ms)).await.unwrap();
    }
    assert_eq!(store.put_snapshot("hostname r1\n").await.unwrap(), digest);
    assert_eq!(store.put_snapshot("hostname r1\n").await.unwrap(), digest);
    store.set_running("net", &device("r1"), &digest, at(7)).await.unwrap();
    store.set_condition("net", &device("r1"), &json!("in_sync")).await.unwrap();
    // No orderly end: the process is gone.
    drop(store);
    let store = open(state.path()).await;
    assert_eq!(store.events(&run(1)).await.unwrap(), [json!({"e": 0})]);
    assert_eq!(store.plan(&id).await.unwrap(), Some(plan.clone()));
    assert_eq!(store.plans(10).await.unwrap(), [(id, plan)]);
    assert_eq!(store.status("net").await.unwrap(), Some(json!({"applied": "c1"})));
    assert_eq!(store.status("other").await.unwrap(), None);
    assert_eq!(store.journal(&run(1)).await.unwrap(), [entry("stage", 5), entry("commit", 6), entry("confirm", 6)]);
    assert_eq!(store.snapshot(&digest).await.unwrap().as_deref(), Some("hostname r1\n"));
    assert_eq!(store.snapshot(&Digest::of("x")).await.unwrap(), None);
    let facts = DeviceFacts {
        running: Some(digest),
        fetched_at: Some(at(7)),
        host_key: None,
        condition: Some(json!("in_sync")),
    };
    assert_eq!(store.device_facts("net", &device("r1")).await.unwrap(), facts);
    assert_eq!(store.device_facts("other", &device("r1")).await.unwrap(), DeviceFacts::default());
    assert_eq!(store.devices_facts("net").await.unwrap().into_keys().collect::<Vec<_>>(), [device("r1")]);
}

#[tokio::test]
async fn a_plan_never_changes() {
    let store = Store::in_memory().await.unwrap();
    let (one, two): (PlanId, PlanId) = ("p1".parse().unwrap(), "p0".parse().unwrap());
    store.put_plan(&one, &json!({"a": 1, "b": 2})).await.unwrap();
    store.put_plan(&one, &json!({"b": 2, "a": 1})).await.unwrap();
    let error = store.put_plan(&one, &json!({"a": 1, "b": 3})).await.unwrap_err();
    assert!(matches!(&error, StoreError::PlanDiffers(id) if *id == one), "{error}");
    assert_eq!(store.plan(&one).await.unwrap(), Some(json!({"a": 1, "b": 2})));
    store.put_plan(&two, &json!({})).await.unwrap();
    let ids: Vec<_> = store.plans(10).await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [two.clone(), one], "newest first");
    assert_eq!(store.plans(1).await.unwrap(), [(two.clone(), json!({}))]);
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_by_what_was_requested() {
    let store = Store::in_memory().await.unwrap();
    for number in 0..450 {
        let workflow = if number % 50 == 0 { "drift" } else { "deploy" };
        store.append(&run(number), 0, &[json!({"workflow": workflow, "n": number}), json!("end")]).await.unwrap();
    }
    let newest = store.runs(&RunFilter::default(), 3).await.unwrap();
    assert_eq!(newest.iter().map(|head| head.run.clone()).collect::<Vec<_>>(), [run(449), run(448), run(447)]);
    assert_eq!((&newest[0].last, newest[0].events), (&json!("end"), 2));
    let mut filter = RunFilter::default();
    filter.first_has.insert("workflow".into(), json!("drift"));
    let drifts = store.runs(&filter, 100).await.unwrap();
    assert_eq!(
        drifts.iter().map(|head| head.first["n"].clone()).collect::<Vec<_>>(),
        [400, 350, 300, 250, 200, 150, 100, 50, 0]
    );
    filter.before = Some(run(100));
    assert_eq!(store.runs(&filter, 1).await.unwrap()[0].run, run(50));
    assert_eq!(store.runs(&RunFilter::default(), 1000).await.unwrap().len(), 450);
}

#[tokio::test]
async fn one_lease_has_one_owner_and_a_growing_generation() {
    let store = Store::in_memory().await.unwrap();
    let first = store.acquire_lease("leader", "a", 1000, 500).await.unwrap().unwrap();
    assert_eq!(first.generation, 1);
    assert_eq!(store.acquire_lease("leader", "b", 1499, 500).await.unwrap(), None);
    assert!(store.renew_lease(&first, 1499, 500).await.unwrap());
    assert_eq!(store.acquire_lease("leader", "b", 1500, 500).await.unwrap(), None, "it was renewed");
    store.append_as(&first, &run(1), 0, &[json!(1)]).await.unwrap();
    let second = store.acquire_lease("leader", "b", 1999, 500).await.unwrap().unwrap();
    assert_eq!(second.generation, 2);
    assert!(!store.renew_lease(&first, 2000, 500).await.unwrap());
    let error = store.append_as(&first, &run(1), 1, &[json!("stale")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { generation: 1, .. }), "{error}");
    store.release_lease(&first).await.unwrap();
    assert_eq!(store.acquire_lease("leader", "a", 2000, 500).await.unwrap(), None, "only the owner releases");
    store.release_lease(&second).await.unwrap();
    assert!(!store.renew_lease(&second, 2001, 500).await.unwrap(), "what was given back is gone");
    let third = store.acquire_lease("leader", "a", 2001, 500).await.unwrap().unwrap();
    let again = store.acquire_lease("leader", "a", 2002, 500).await.unwrap().unwrap();
    assert_eq!((third.generation, again.generation), (3, 4), "a restarted process fences its former self");
    assert!(matches!(store.append_as(&third, &run(1), 1, &[json!(2)]).await, Err(StoreError::Fenced { .. })));
    store.append_as(&again, &run(1), 1, &[json!(2)]).await.unwrap();
    assert_eq!(store.acquire_lease("other", "b", 0, 1).await.unwrap().unwrap().generation, 1);
}

#[tokio::test]
async fn the_first_host_key_counts_until_somebody_forgets_it() {
    let store = Store::in_memory().await.unwrap();
    let r1 = device("r1");
    assert_eq!(store.learn_host_key("net", &r1, "SHA256:a").await.unwrap(), "SHA256:a");
    assert_eq!(store.learn_host_key("net", &r1, "SHA256:b").await.unwrap(), "SHA256:a");
    store.set_running("net", &r1, &Digest::of("x"), at(1)).await.unwrap();
    assert_eq!(store.device_facts("net", &r1).await.unwrap().host_key.as_deref(), Some("SHA256:a"));
    assert_eq!(store.learn_host_key("other", &r1, "SHA256:c").await.unwrap(), "SHA256:c", "repositories do not mix");
    store.forget_host_key("net", &r1).await.unwrap();
    assert_eq!(store.learn_host_key("net", &r1, "SHA256:b").await.unwrap(), "SHA256:b");
}

#[tokio::test]
async fn configurations_are_sealed_on_disk_and_files_are_private() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("new/state");
    let store = Store::open(&url(&folder), &folder).await.unwrap();
    let digest = store.put_snapshot("username ops secret hunter2-hunter2\n").await.unwrap();
    store.close().await;
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{:?}", entry.path());
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
        seen += 1;
    }
    assert!(seen >= 2 && std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077 == 0);
    // The key belongs to the store: neither another one, nor none, nor a readable one is taken.
    let key = folder.join("store.key");
    let right = std::fs::read(&key).unwrap();
    let problem = async || match Store::open(&url(&folder), &folder).await {
        Err(StoreError::Key { path, why }) if path.ends_with("store.key") => why,
        other => panic!("{other:?}"),
    };
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    assert_eq!(problem().await, "it is not the key of this store");
    std::fs::write(&key, "short\n").unwrap();
    assert_eq!(problem().await, "it is not a key");
    std::fs::remove_file(&key).unwrap();
    assert!(problem().await.contains("No such file"));
    assert!(!key.exists(), "no new key is made for an old store");
    std::fs::write(&key, &right).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(problem().await, "others than its owner may read it");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let store = Store::open(&url(&folder), &folder).await.unwrap();
    assert!(store.snapshot(&digest).await.unwrap().unwrap().contains("hunter2-hunter2"));
}

#[tokio::test]
async fn damaged_rows_are_errors_that_name_them() {
    let state = tempfile::tempdir().unwrap();
    let store = open(state.path()).await;
    let plan: PlanId = "p1".parse().unwrap();
    store.append(&run(1), 0, &[json!(1), json!(2), json!(3)]).await.unwrap();
    store.append(&run(2), 0, &[json!(1)]).await.unwrap();
    store.put_plan(&plan, &json!(1)).await.unwrap();
    store.set_status("net", &json!(1)).await.unwrap();
    store.set_condition("net", &device("r1"), &json!(1)).await.unwrap();
    store
        .write_journal(&JournalEntry {
            run: run(1),
            device: device("r1"),
            step: "s".into(),
            at: at(0),
            detail: json!(1),
        })
        .await
        .unwrap();
    let digest = store.put_snapshot("text").await.unwrap();
    let other = store.put_snapshot("another").await.unwrap();
    damage(
        state.path(),
        "DELETE FROM run_events WHERE seq = 1; UPDATE run_events SET event = '{' WHERE seq = 0; UPDATE plans SET plan = x'ff00'; \
         UPDATE repository_status SET status = 'x'; UPDATE device_facts SET running_digest = 'zz'; \
         UPDATE journal SET at_ms = 9223372036854775807; UPDATE snapshots SET sealed = (SELECT sealed FROM snapshots ORDER BY digest LIMIT 1);",
    )
    .await;
    let (one, two) = (run(1), run(2));
    let errors = [
        store.events(&one).await.unwrap_err(),
        store.events(&two).await.unwrap_err(),
        store.runs(&RunFilter::default(), 9).await.unwrap_err(),
        store.plan(&plan).await.unwrap_err(),
        store.plans(9).await.unwrap_err(),
        store.put_plan(&plan, &json!(1)).await.unwrap_err(),
        store.status("net").await.unwrap_err(),
        store.device_facts("net", &device("r1")).await.unwrap_err(),
        store.devices_facts("net").await.unwrap_err(),
        store.journal(&one).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    }
    // One of the two holds the other's bytes now.
    let results = [store.snapshot(&digest).await, store.snapshot(&other).await];
    assert_eq!(
        results.iter().filter(|result| matches!(result, Err(StoreError::Corrupt { .. }))).count(),
        1,
        "{results:?}"
    );
}

#[tokio::test]
async fn a_store_that_cannot_be_used_says_why() {
    let state = tempfile::tempdir().unwrap();
    for address in ["postgres://u:hunter2@h/db", "mysql://h", "", "sqlite"] {
        let error = Store::open(address, state.path()).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(matches!(error, StoreError::Address(_) | StoreError::Io { .. }), "{address}: {error:?}");
    }
    open(state.path()).await.close().await;
    damage(state.path(), "INSERT INTO migrations (version, digest) VALUES (99, 'x')").await;
    let error = Store::open(&url(state.path()), state.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 2 }), "{error:?}");
    std::fs::write(state.path().join("state.db"), "this is not a database, it is a text file").unwrap();
    assert!(matches!(Store::open(&url(state.path()), state.path()).await, Err(StoreError::Database { .. })));
}

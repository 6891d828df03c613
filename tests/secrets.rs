//! Secrets are found by reference, kept safely, and never part of an error.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use reconverge::adapters::secrets::{SecretError, SecretStore};
use reconverge::domain::secret::{Secret, SecretRef};

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn resolve(store: &SecretStore, reference: &str) -> Result<Secret, SecretError> {
    let reference: SecretRef = reference.parse().unwrap();
    store.resolve(&reference).await
}

#[tokio::test]
async fn files_and_variables_are_read_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "plain", "pa ss\n");
    write(folder.path(), "site/ams.yaml", "login: 'x: y'\nother: \"0123\"\n");
    write(folder.path(), "map.json", "{\"a.b\": \"c\"}");
    let store = SecretStore::new(Some(folder.path().to_owned()));
    let path = std::env::var("PATH").unwrap();
    for (reference, value) in [
        ("secret://file/plain", "pa ss"),
        ("secret://file/site/ams.yaml#login", "x: y"),
        ("secret://file/site/ams.yaml#other", "0123"),
        ("secret://file/map.json#a.b", "c"),
        ("secret://env/PATH", path.as_str()),
    ] {
        assert_eq!(resolve(&store, reference).await.unwrap().expose(), value, "{reference}");
    }
    write(folder.path(), "plain", "changed");
    assert_eq!(resolve(&store, "secret://file/plain").await.unwrap().expose(), "pa ss");
    store.forget();
    assert_eq!(resolve(&store, "secret://file/plain").await.unwrap().expose(), "changed");
    assert!(!format!("{store:?}").contains("changed"));
}

#[tokio::test]
async fn what_is_not_safe_or_not_there_is_refused_without_showing_anything() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "hunter2", "hunter2");
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("broken.yaml", "a: [hunter2\n"),
        ("list.yaml", "- hunter2\n"),
        ("number.yaml", "pin: 123\nnested: {hunter2: 1}\n"),
        ("twice.yaml", "hunter2: x\nhunter2: y\n"),
        ("empty", "\n"),
        ("readable", "hunter2"),
    ] {
        write(folder.path(), name, text);
    }
    std::fs::set_permissions(folder.path().join("readable"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(outside.path().join("hunter2"), folder.path().join("escape")).unwrap();
    write(folder.path(), "huge", &"hunter2".repeat(200_000));
    let store = SecretStore::new(Some(folder.path().to_owned()));
    let outside = outside.path().display();
    for (reference, why) in [
        ("secret://file/broken.yaml#a".to_owned(), "not valid YAML or JSON (line"),
        ("secret://file/list.yaml#a".to_owned(), "not a map"),
        ("secret://file/number.yaml#pin".to_owned(), "not a text"),
        ("secret://file/number.yaml#nested".to_owned(), "not a text"),
        ("secret://file/number.yaml#absent".to_owned(), "no key \"absent\""),
        ("secret://file/twice.yaml#a".to_owned(), "not valid YAML or JSON"),
        ("secret://file/empty".to_owned(), "empty"),
        ("secret://file/readable".to_owned(), "others may read the file (mode 640)"),
        ("secret://file/escape".to_owned(), "leaves the secrets folder"),
        ("secret://file/../x".to_owned(), "leaves the secrets folder"),
        (format!("secret://file/{outside}/x"), "leaves the secrets folder"),
        ("secret://file/absent".to_owned(), "cannot be opened"),
        ("secret://file/huge".to_owned(), "more than 1048576 bytes"),
        ("secret://file/plain@3".to_owned(), "no versions"),
        ("secret://env/RECONVERGE_NOT_SET".to_owned(), "RECONVERGE_NOT_SET is not set"),
        ("secret://env/PATH#key".to_owned(), "no keys"),
        ("secret://env/A=B".to_owned(), "not the name"),
        ("secret://vault/a#b".to_owned(), "\"vault\" is not supported"),
    ] {
        let error = resolve(&store, &reference).await.expect_err(&reference);
        assert!(error.why.contains(why), "{reference}: {error}");
        assert!(error.to_string().starts_with(&reference) && !error.hint.is_empty());
        assert!(!error.why.contains("hunter2"), "{error}");
    }
    let error = resolve(&SecretStore::new(None), "secret://file/x").await.unwrap_err();
    assert!(error.why.contains("no secrets folder"));
}

//! Approval flows.

use super::*;
use crate::{
    Kind, export,
    kind::flow::{ApprovalFlow, Approver, Quorum},
};

fn read(spec: &str) -> Result<ApprovalFlow, Vec<String>> {
    let text = format!("apiVersion: v1alpha1\nkind: ApprovalFlow\nmetadata: {{name: f}}\nspec: {spec}\n");
    let parsed = parse(&text).map_err(|faults| {
        faults
            .into_iter()
            .map(|fault| fault.to_string())
            .collect::<Vec<_>>()
    })?;
    match parsed.into_iter().next().unwrap().spec {
        Spec::ApprovalFlow(flow) => Ok(flow),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_quorum_is_any_all_or_a_number() {
    let flow = read(
        "{steps: [{name: a, role: admin}, {name: b, user: bob, quorum: any}, {name: c, users: [x, y], quorum: all}, \
         {name: d, role: DBA, quorum: 3}]}",
    )
    .unwrap();
    let quorums: Vec<Quorum> = flow.steps.iter().map(|step| step.quorum).collect();
    assert_eq!(
        quorums,
        [Quorum::Count(1), Quorum::Count(1), Quorum::All, Quorum::Count(3)]
    );
    assert_eq!(flow.steps[0].who, Approver::Role("ADMIN".into()));
    assert_eq!(flow.steps[3].who, Approver::Role("DBA".into()));
}

#[test]
fn what_is_wrong_is_said_at_its_step() {
    let faults = read(
        "{steps: [{name: a, role: VIEWER}, {name: b, role: X, user: y}, {name: c, users: [], quorum: 0}]}",
    )
    .unwrap_err()
    .join("\n");
    for said in [
        "spec.steps[0].role: must be OWNER, ADMIN, MEMBER or a role of the org",
        "spec.steps[1]: must name exactly one of role, user, users and departmentHead",
        "spec.steps[2]: must name 1 to 20 users",
        "spec.steps[2].quorum: must be any, all, or 1 to 20",
    ] {
        assert!(faults.contains(said), "{said}\n{faults}");
    }
}

#[test]
fn what_is_kept_and_exported_is_what_was_read() {
    let flow = read(
        "{environments: prod, databases: [shop], projects: [web], steps: [{name: a, users: [x], quorum: all, \
         fromRisk: warning, environments: [prod]}, {name: b, departmentHead: Data}]}",
    )
    .unwrap();
    let spec = Spec::ApprovalFlow(flow);
    let json = spec.to_json().unwrap();
    assert_eq!(
        Spec::from_json(Kind::ApprovalFlow, &json)
            .unwrap()
            .to_json()
            .unwrap(),
        json
    );
    let yaml = export("f", None, &spec).unwrap();
    assert_eq!(parse(&yaml).unwrap()[0].spec.to_json().unwrap(), json, "{yaml}");
    // As it was kept before there were words for it.
    let old = r#"{"steps":[{"name":"a","user":"bob","quorum":2}]}"#;
    let Spec::ApprovalFlow(old) = Spec::from_json(Kind::ApprovalFlow, old).unwrap() else {
        panic!()
    };
    assert_eq!(old.steps[0].quorum, Quorum::Count(2));
}

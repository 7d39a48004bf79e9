//! Each call that changes something at the engine, lost on its way there or answered to nobody.

use muster_protocol::latest::OrderStatus;
use muster_workbench::proxy::{Endpoint, Fault, Proxy};

use super::{End, GOOD, NEXT, put_back, serving};
use crate::engine::{self, Place};

const LOST: &[&str] = &["stopped answering", "systemctl status docker"];

struct Case {
    name: &'static str,
    fault: Fault,
    end: End,
}

const CASES: &[Case] = &[
    Case {
        name: "the call to pull never arrives",
        fault: Fault::Before("/images/create?"),
        end: put_back(&["pull"], LOST),
    },
    Case {
        name: "nobody hears of the pull",
        fault: Fault::After("/images/create?"),
        end: put_back(&["pull"], LOST),
    },
    Case {
        name: "the call to rename the old container never arrives",
        fault: Fault::Before("/rename?"),
        end: put_back(&["set-aside"], LOST),
    },
    Case {
        name: "nobody hears that the old container was renamed",
        fault: Fault::After("/rename?"),
        end: put_back(&["set-aside"], LOST),
    },
    Case {
        name: "the call to stop the old container never arrives",
        fault: Fault::Before("/stop?"),
        end: put_back(&["stop-old"], LOST),
    },
    Case {
        name: "nobody hears that the old container was stopped",
        fault: Fault::After("/stop?"),
        end: put_back(&["stop-old"], LOST),
    },
    Case {
        name: "the call to create the new container never arrives",
        fault: Fault::Before("/containers/create?"),
        end: put_back(&["start-new"], LOST),
    },
    Case {
        name: "nobody hears that the new container was created",
        fault: Fault::After("/containers/create?"),
        end: put_back(&["start-new"], LOST),
    },
    Case {
        name: "the call to start the new container never arrives",
        fault: Fault::Before("/start HTTP"),
        end: put_back(&["start-new"], LOST),
    },
    Case {
        name: "nobody hears that the new container was started",
        fault: Fault::After("/start HTTP"),
        end: put_back(&["start-new"], LOST),
    },
    Case {
        name: "the call to remove the old container never arrives",
        fault: Fault::Before("DELETE /"),
        end: NEW_IS_UP,
    },
    Case {
        name: "nobody hears that the old container was removed",
        fault: Fault::After("DELETE /"),
        end: NEW_IS_UP,
    },
];

const NEW_IS_UP: End = End {
    status: OrderStatus::Done,
    serves: Some(NEXT),
    failed: &[],
    says: &[],
};

#[tokio::test]
async fn whatever_call_is_lost_one_container_serves() {
    let engine = engine::docker_host();
    let socket = engine.trim_start_matches("unix://");
    for case in CASES {
        let place = Place::new();
        let host = serving(&place).await;
        let old = place.inspect("{{.Id}}");
        let path = host.path().join("engine.sock");
        let proxy = Proxy::unix(path.clone(), Endpoint::Unix(socket.into())).unwrap();
        proxy.fail(case.fault.clone());
        let host = host.at_engine(format!("unix://{}", path.display()));

        let said = host
            .worker(&host.deploy(host.web(&place, NEXT)))
            .await
            .all()
            .await;
        assert!(proxy.has_failed(), "{}: {said:#?}", case.name);
        case.end.check(case.name, &place, &said);
        if case.end.serves == Some(GOOD) {
            assert_eq!(place.inspect("{{.Id}}"), old, "{}", case.name);
        }
        assert!(place.is_alone(), "{}: {:?}", case.name, place.containers());
    }
}

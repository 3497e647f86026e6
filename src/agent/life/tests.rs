//! Random histories in a small world of brokers: delays, failures at each step, crashes at each step,
//! clocks that are wrong by days.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const POLICY: Policy = Policy { grace_ms: 10_000, accept_timeout_ms: 5_000, once: false };

fn exact(ms: i64) -> Now {
    Now { steady_ms: ms, broker_ms: ms, is_exact: true }
}

fn token(id: &str, issue_ms: i64, expiry_ms: i64, max_ms: i64) -> Token {
    let mut token = Token::new(id.as_bytes(), b"aG1hYw==").unwrap();
    (token.issue_ms, token.expiry_ms, token.max_ms) =
        (Some(issue_ms), Some(expiry_ms), Some(max_ms));
    token
}

/// A life whose first token, made at 0, is published.
fn published(expiry_ms: i64, max_ms: i64) -> Life {
    let mut life = Life::new(POLICY);
    assert_eq!(life.step(exact(0)), Step::Create);
    life.created(token("a", 0, expiry_ms, max_ms), exact(0), 0);
    assert!(matches!(life.step(exact(0)), Step::Probe(_)));
    assert_eq!(life.probed(tried(Acceptance::All, 0), exact(50), 0), Turn::Published);
    life.settled(exact(50));
    life
}

fn wait_of(life: &Life, now: Now) -> i64 {
    match life.step(now) {
        Step::Wait(Some(ms)) => ms,
        other => panic!("{other:?}"),
    }
}

#[test]
fn renewed_at_80_percent_and_replaced_before_the_maximum() {
    let mut life = published(DAY_MS, 7 * DAY_MS);
    let mut renewals = 0;
    let mut now = 50;
    loop {
        now = wait_of(&life, exact(now));
        match life.step(exact(now)) {
            Step::Renew(renewed) => {
                let current = life.current().unwrap();
                let span = current.expiry_ms() - current.granted_ms;
                let share = (now - current.granted_ms) as f64 / span as f64;
                assert!((0.75..=0.80).contains(&share), "{share}");
                let expiry_ms = (now + DAY_MS).min(7 * DAY_MS);
                life.renewed(&renewed.id, expiry_ms, exact(now), 1023);
                renewals += 1;
            }
            Step::Create => break,
            other => panic!("{other:?}"),
        }
    }
    assert!((7..=9).contains(&renewals), "{renewals}");
    let left = 7 * DAY_MS - now;
    assert!((DAY_MS / 5..DAY_MS / 2).contains(&left), "{left}");
}

/// The current token is accepted by one broker.
fn tried(acceptance: Acceptance, accepted: usize) -> Tried {
    Tried { acceptance, accepted, accepted_before: 1 }
}

fn honoured(by: usize) -> Honoured {
    Honoured { by, of: 3 }
}

#[test]
fn a_token_that_brokers_refuse_is_followed_by_one_that_more_accept() {
    let mut life = published(DAY_MS, 7 * DAY_MS);
    assert!(!life.looked("a", honoured(3)));
    assert!(matches!(life.step(exact(100)), Step::Wait(_)));
    assert!(!life.looked("b", honoured(0)), "another token");
    assert!(life.looked("a", honoured(1)));
    assert_eq!(life.step(exact(100)), Step::Create);
    life.created(token("b", 100, DAY_MS, 7 * DAY_MS), exact(100), 0);
    assert_eq!(life.probed(tried(Acceptance::Some, 1), exact(200), 0), Turn::Waiting);
    assert_eq!(life.rival().unwrap().id, "a");
    assert_eq!(life.probed(tried(Acceptance::Some, 2), exact(300), 0), Turn::Waiting, "not yet");
    assert_eq!(life.probed(tried(Acceptance::Some, 2), exact(2_100), 0), Turn::PublishedEarly);
    assert_eq!(life.current().unwrap().token.id, "b");
}

#[test]
fn a_token_that_is_no_better_is_ended_and_not_tried_again_until_brokers_change() {
    let mut life = published(DAY_MS, 7 * DAY_MS);
    assert!(life.looked("a", honoured(2)));
    life.created(token("b", 100, DAY_MS, 7 * DAY_MS), exact(100), 0);
    assert_eq!(life.probed(tried(Acceptance::Some, 1), exact(200), 0), Turn::Waiting);
    assert_eq!(life.probed(tried(Acceptance::Some, 1), exact(5_100), 0), Turn::Useless);
    assert_eq!(life.current().unwrap().token.id, "a");
    assert!(matches!(life.step(exact(5_200)), Step::Expire(ended) if ended.id == "b"));
    life.expired("b");
    // The same is not worth another try; something else is.
    assert!(!life.looked("a", honoured(2)));
    assert!(matches!(life.step(exact(100_000)), Step::Wait(_)));
    assert!(life.looked("a", honoured(1)));
    assert_eq!(life.step(exact(100_000)), Step::Create);
    assert!(!life.looked("a", honoured(3)));
    assert!(matches!(life.step(exact(100_000)), Step::Wait(_)));
}

/// A broker that differs for good holds up neither a replacement that is due nor another configuration.
#[test]
fn a_broker_that_refuses_for_good_is_put_up_with() {
    let mut life = published(DAY_MS, DAY_MS);
    assert!(life.looked("a", honoured(2)));
    life.created(token("b", 100, DAY_MS, 7 * DAY_MS), exact(100), 0);
    assert_eq!(life.probed(tried(Acceptance::Some, 1), exact(5_100), 0), Turn::Useless);
    life.expired("b");
    // Nobody could be asked: that is no news.
    assert!(!life.looked("a", Honoured { by: 0, of: 0 }));
    let now = wait_of(&life, exact(40_000));
    assert_eq!(life.step(exact(now)), Step::Create, "it is to be replaced");
    life.created(token("c", now, now + DAY_MS, now + DAY_MS), exact(now), 0);
    assert_eq!(life.rival(), None);
    let late = exact(now + 5_000);
    assert_eq!(life.probed(tried(Acceptance::Some, 1), late, 0), Turn::PublishedEarly);
    assert!(life.looked("c", honoured(2)));
    life.outdate();
    life.created(token("d", now, now + DAY_MS, now + DAY_MS), late, 0);
    assert_eq!(life.rival(), None, "another configuration");
}

#[test]
fn the_token_before_it_is_ended_when_all_targets_hold_the_new_one() {
    let mut life = published(DAY_MS, DAY_MS);
    let now = wait_of(&life, exact(50));
    assert_eq!(life.step(exact(now)), Step::Create);
    life.created(token("b", now, now + DAY_MS, now + DAY_MS), exact(now), 0);
    assert_eq!(life.probed(tried(Acceptance::All, 0), exact(now), 0), Turn::Published);
    assert_eq!(life.current().unwrap().token.id, "b");
    let later = exact(now + 60_000);
    assert!(matches!(life.step(later), Step::Wait(_)), "a target still holds it");
    assert!(life.settled(later));
    assert!(!life.settled(later));
    let end = exact(now + 70_000);
    assert!(matches!(life.step(exact(now + 69_999)), Step::Wait(_)));
    assert!(matches!(life.step(end), Step::Expire(token) if token.id == "a"));
    life.expired("a");
    assert!(life.retired().is_empty());
}

/// Who has a token in its environment has it until then.
#[test]
fn the_token_before_it_is_renewed_where_its_grace_is_longer() {
    const HOUR_MS: i64 = DAY_MS / 24;
    let policy = Policy { grace_ms: 20 * HOUR_MS, ..POLICY };
    let mut life = published(2 * HOUR_MS, 7 * DAY_MS);
    life.set_policy(policy);
    life.outdate();
    let now = exact(HOUR_MS);
    assert_eq!(life.step(now), Step::Create);
    life.created(token("b", HOUR_MS, 9 * DAY_MS, 9 * DAY_MS), now, 0);
    assert_eq!(life.probed(tried(Acceptance::All, 0), now, 0), Turn::Published);
    assert!(life.settled(now));
    let end_ms = life.retired()[0].end_ms.unwrap();
    assert_eq!(end_ms, 21 * HOUR_MS);
    let mut at_ms = HOUR_MS;
    let mut renewals = 0;
    loop {
        at_ms = wait_of(&life, exact(at_ms));
        match life.step(exact(at_ms)) {
            Step::Renew(token) => {
                assert_eq!(token.id, "a");
                assert!(at_ms < life.retired()[0].held.expiry_ms());
                life.renewed("a", at_ms + 2 * HOUR_MS, exact(at_ms), 0);
                renewals += 1;
            }
            Step::Expire(token) if token.id == "a" => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((at_ms, renewals > 10), (end_ms, true));
}

#[test]
fn what_some_brokers_do_not_accept_is_published_after_the_limit() {
    let mut life = Life::new(POLICY);
    life.created(token("a", 0, DAY_MS, DAY_MS), exact(0), 0);
    assert_eq!(life.probed(tried(Acceptance::Some, 0), exact(4_999), 0), Turn::Waiting);
    assert_eq!(life.probed(tried(Acceptance::None, 0), exact(60_000), 0), Turn::Waiting);
    assert_eq!(life.probed(tried(Acceptance::Some, 0), exact(5_000), 0), Turn::PublishedEarly);
}

#[test]
fn an_expired_token_is_followed_by_another() {
    let mut life = published(1_000_000, DAY_MS);
    life.renew_failed("a", Failure::Other, exact(800_000), 0);
    // Not renewed, but replaced before it is over; and at once where it is.
    assert_eq!(life.step(exact(1_000_001)), Step::Create);
    let mut life = published(1_000_000, DAY_MS);
    life.renew_failed("a", Failure::Gone, exact(800_000), 0);
    assert_eq!(life.step(exact(800_000)), Step::Create);
}

#[test]
fn after_a_reboot_the_brokers_say_what_time_it_is() {
    let held = |expiry, max| Held::new(token("a", 0, expiry, max), 0, DAY_MS, 0);
    for wrong in [-2 * DAY_MS, 0, 2 * DAY_MS] {
        let now = Now { steady_ms: 5, broker_ms: DAY_MS / 2 + wrong, is_exact: false };
        let life = Life::restore(POLICY, Some(held(DAY_MS, 7 * DAY_MS)), None, vec![], now);
        assert!(matches!(life.step(now), Step::Renew(_)), "{wrong}");
        let life = Life::restore(POLICY, Some(held(DAY_MS, DAY_MS)), None, vec![], now);
        assert_eq!(life.step(now), Step::Create, "{wrong}");
    }
}

#[test]
fn one_run_leaves_a_whole_renewal_ahead() {
    let once = Policy { once: true, ..POLICY };
    let restored = |expiry_ms, max_ms, now| {
        let held = Held::new(token("a", 0, expiry_ms, max_ms), 0, DAY_MS, 0);
        Life::restore(once, Some(held), None, vec![], exact(now))
    };
    // Renewed at once, long before it is due, and then left alone.
    let mut life = restored(DAY_MS, 7 * DAY_MS, 1_000);
    assert!(matches!(life.step(exact(1_000)), Step::Renew(_)));
    life.renewed("a", DAY_MS + 1_000, exact(1_000), 0);
    assert!(matches!(life.step(exact(1_000)), Step::Wait(_)));
    // The renewal gave too little: it ends for good.
    let mut life = restored(6 * DAY_MS + 10, 7 * DAY_MS, 6 * DAY_MS + 5);
    let now = exact(6 * DAY_MS + DAY_MS / 2);
    life.renewed("a", 7 * DAY_MS, now, 0);
    assert_eq!(life.step(now), Step::Create);
    life.created(token("b", now.broker_ms, now.broker_ms + DAY_MS, 14 * DAY_MS), now, 0);
    assert_eq!(life.probed(tried(Acceptance::All, 0), now, 0), Turn::Published);
    assert!(matches!(life.step(now), Step::Wait(_)));
}

#[test]
fn a_configuration_that_asks_for_another_token_gets_it() {
    let mut life = published(DAY_MS, 7 * DAY_MS);
    life.outdate();
    assert_eq!(life.step(exact(100)), Step::Create);
    life.created(token("b", 100, DAY_MS, 7 * DAY_MS), exact(100), 0);
    // The one in use is renewed all the same until then.
    assert!(matches!(life.step(exact(DAY_MS * 9 / 10)), Step::Renew(token) if token.id == "a"));
    life.outdate();
    assert!(life.successor().is_none());
    assert!(matches!(life.step(exact(100)), Step::Create));
}

/// Brokers, targets and what befalls them.
struct World {
    /// The true time, in steady ms; the brokers' clock is ahead by OFFSET.
    ms: i64,
    /// By how much the agent's estimate is wrong, while it has none from a broker.
    wrong_ms: i64,
    is_exact: bool,
    /// Expiry and maximum of each token that the brokers know, by id.
    tokens: BTreeMap<String, (i64, i64, i64)>,
    made: usize,
    orphans: usize,
    /// What the targets hold.
    target: Option<String>,
    journal: (Option<Held>, Option<Held>, Vec<Retired>),
}

const OFFSET: i64 = 1_700_000_000_000;
const PERIOD: i64 = 15_000;
const LIFETIME: i64 = 60_000;
/// How long a token takes to reach the last broker.
const SPREAD: i64 = 300;

impl World {
    fn truth(&self) -> i64 {
        self.ms + OFFSET
    }

    fn now(&self) -> Now {
        let wrong_ms = if self.is_exact { 0 } else { self.wrong_ms };
        Now { steady_ms: self.ms, broker_ms: self.truth() + wrong_ms, is_exact: self.is_exact }
    }

    fn save(&mut self, life: &Life) {
        self.journal =
            (life.current().cloned(), life.successor().cloned(), life.retired().to_vec());
    }

    fn restore(&self) -> Life {
        let forget = |held: Held| Held::new(held.token, held.granted_ms, held.period_ms, 7);
        let (current, successor, retired) = self.journal.clone();
        let retired =
            retired.into_iter().map(|retired| Retired::new(forget(retired.held), retired.end_ms));
        Life::restore(
            POLICY,
            current.map(forget),
            successor.map(forget),
            retired.collect(),
            self.now(),
        )
    }
}

/// What befalls one step.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Works,
    /// The request fails.
    Fails,
    /// The agent is killed before the journal is written.
    KilledBefore,
    /// It is killed after that.
    KilledAfter,
    /// The machine starts anew, with a clock that is wrong by this.
    Reboots(i64),
    /// The targets cannot be written.
    TargetFails,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Works),
        3 => Just(Fate::Fails),
        1 => Just(Fate::KilledBefore),
        1 => Just(Fate::KilledAfter),
        1 => (-2 * DAY_MS..2 * DAY_MS).prop_map(Fate::Reboots),
        2 => Just(Fate::TargetFails),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_befalls_it_leaves_jobs_without_a_token(
        fates in proptest::collection::vec((fate(), any::<u32>()), 1..400)
    ) {
        let mut world = World {
            ms: 0, wrong_ms: 0, is_exact: false, tokens: BTreeMap::new(), made: 0, orphans: 0,
            target: None, journal: (None, None, Vec::new()),
        };
        let mut life = Life::new(POLICY);
        let mut kills = 0;
        // The last bad thing that happened; trouble needs some time to be overcome.
        let mut last_trouble = 0;
        for (fate, random) in fates {
            let step = life.step(world.now());
            let is_wait = matches!(step, Step::Wait(_));
            if let Step::Wait(until) = step {
                let until = until.expect("there is always a next thing");
                prop_assert!(until > world.ms);
                // A check of what holds at every moment in between.
                if let Some(id) = world.target.as_ref().filter(|_| world.ms - last_trouble > 20_000) {
                    let (_, expiry, _) = world.tokens.get(id).copied().unwrap_or_default();
                    prop_assert!(expiry > until.min(world.ms + 60_000) + OFFSET - 1, "{id}");
                }
                world.ms = until;
            } else {
                world.ms += 20;
            }
            let now = world.now();
            let works = !matches!(fate, Fate::Fails);
            if !matches!(fate, Fate::Works) {
                last_trouble = world.ms;
            }
            match step {
                Step::Wait(_) => {}
                Step::Create if works => {
                    world.made += 1;
                    let id = format!("t{}", world.made);
                    let issue = world.truth();
                    world.tokens.insert(id.clone(), (issue, issue + PERIOD, issue + LIFETIME));
                    if matches!(fate, Fate::KilledBefore) {
                        world.orphans += 1;
                    } else {
                        world.is_exact = true;
                        let made = token(&id, issue, issue + PERIOD, issue + LIFETIME);
                        life.created(made, world.now(), random);
                    }
                }
                Step::Create => life.create_failed(now, random),
                Step::Probe(token) => {
                    let known = world.tokens.get(&token.id).is_some_and(|(issue, expiry, _)| {
                        issue + SPREAD < world.truth() && *expiry > world.truth()
                    });
                    let acceptance = match (known, works) {
                        (_, false) => Acceptance::None,
                        (true, _) => Acceptance::All,
                        (false, _) => Acceptance::Some,
                    };
                    let turn = life.probed(tried(acceptance, 0), now, 0);
                    if turn == Turn::PublishedEarly {
                        let over = world.ms - last_trouble;
                        prop_assert!(over < 20_000 || !known, "{over}");
                    }
                }
                Step::Renew(token) if works => {
                    let truth = world.truth();
                    match world.tokens.get_mut(&token.id) {
                        Some((_, expiry, max)) if *expiry > truth => {
                            *expiry = (truth + PERIOD).min(*max);
                            let expiry = *expiry;
                            world.is_exact = true;
                            life.renewed(&token.id, expiry, world.now(), random);
                        }
                        _ => life.renew_failed(&token.id, Failure::Gone, now, random),
                    }
                }
                Step::Renew(token) => {
                    life.renew_failed(&token.id, Failure::Other, now, random);
                }
                Step::Expire(token) if works => {
                    prop_assert!(world.target.as_ref() != Some(&token.id)
                        || world.tokens.get(&token.id)
                            .is_none_or(|(_, expiry, _)| *expiry <= world.truth()));
                    world.tokens.remove(&token.id);
                    life.expired(&token.id);
                }
                Step::Expire(token) => {
                    life.expire_failed(&token.id, Failure::Other, now, random);
                }
            }
            match fate {
                Fate::KilledBefore => {}
                _ => world.save(&life),
            }
            match fate {
                Fate::KilledBefore | Fate::KilledAfter => {
                    kills += 1;
                    life = world.restore();
                }
                Fate::Reboots(wrong) => {
                    kills += 1;
                    (world.is_exact, world.wrong_ms) = (false, wrong);
                    life = world.restore();
                }
                // Targets follow at once, where they can.
                Fate::Works | Fate::Fails if !is_wait || random % 4 == 0 => {
                    if let Some(current) = life.current() {
                        world.target = Some(current.token.id.clone());
                        life.settled(world.now());
                    }
                }
                _ => {}
            }
            prop_assert!(world.orphans <= kills);
            // Whatever brokers still know is in hand, or an orphan of a kill.
            let truth = world.truth();
            world.tokens.retain(|_, (_, expiry, _)| *expiry > truth);
            let mine = life.all().filter(|token| world.tokens.contains_key(&token.id)).count();
            prop_assert!(world.tokens.len() - mine <= world.orphans + kills);
        }
    }
}

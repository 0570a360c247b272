//! What every store must do, whatever database it is on: one function a promise, each on an empty store.
//!
//! [`suite!`] makes a test of each; a new database runs the same list. [`world`] is the small world they share.

pub(crate) mod catalogue;
pub(crate) mod claiming;
pub(crate) mod directory;
pub(crate) mod imports;
pub(crate) mod model;
pub(crate) mod numbers;
pub(crate) mod opening;
pub(crate) mod operations;
pub(crate) mod portal_opening;
pub(crate) mod portal_reading;
pub(crate) mod portal_settling;
pub(crate) mod portal_world;
pub(crate) mod reconciling;
pub(crate) mod reports;
pub(crate) mod settling;
pub(crate) mod support_cases;
pub(crate) mod users;
pub(crate) mod world;

pub(crate) use world::all_tickets;

/// The list of promises; `$fresh` answers an empty store, and what must outlive it.
macro_rules! suite {
    ($fresh:path) => {
        $crate::conformance::suite! { @ $fresh;
            opening: an_opened_ticket_is_there, of_64_orders_for_one_sim_one_opens,
                what_is_refused_writes_nothing_and_uses_no_number, a_decision_on_an_old_version_is_stale,
                a_sim_change_locks_both_sims, a_key_replays_its_ticket, a_key_is_forgotten_after_a_day,
                a_key_sent_by_many_at_once_opens_one_ticket, orders_of_one_call_stand_on_their_own,
                a_call_takes_no_more_than_a_batch;
            claiming: a_lease_carries_the_books, only_what_is_due_is_claimed,
                one_ticket_is_not_held_up_by_ten_thousand, customers_take_turns, no_more_is_claimed_than_asked,
                a_lease_that_ran_out_is_claimed_again, nobody_gets_what_somebody_has,
                the_dead_are_relieved_at_once;
            settling: a_completed_connect_is_a_service, a_failed_ticket_changes_nothing,
                a_postponed_ticket_comes_back, an_unknown_ticket_waits_for_a_person,
                a_lease_is_settled_once, what_the_books_refuse_harms_nobody_else,
                every_kind_of_order_changes_the_books;
            reports: an_accepted_ticket_waits_and_its_report_makes_it_due,
                a_report_that_comes_before_the_settlement_is_kept,
                only_the_first_report_of_the_newest_attempt_counts, what_has_ended_takes_no_report,
                an_attempt_that_does_not_count_keeps_the_report;
            numbers: a_range_is_given_out_in_order, a_reserved_number_is_kept, a_range_runs_out,
                what_was_not_used_is_given_again, what_became_a_sims_own_is_not_given_again,
                a_number_rests_after_its_service,
                a_sims_own_number_stays_with_it;
            directory: contracts_count_their_live_services, a_selector_finds_one_service,
                a_kind_of_user_reaches_so_far, a_connect_is_decided_on_facts, a_change_is_decided_on_facts,
                tickets_are_found_by_those_who_may, support_cases_share_the_numbers,
                a_key_stands_for_one_support_case,
                what_is_foreign_is_absent;
            users: a_user_is_added_once, a_user_is_changed, credentials_come_and_go, failed_guesses_are_counted;
            catalogue: a_catalogue_is_read_back, the_second_time_nothing_changes, it_is_all_or_nothing,
                grants_are_replaced_and_passwords_kept, a_sim_in_use_stays_where_it_is,
                running_services_are_adopted, portal_customers_are_adopted;
            portal_opening: a_portal_ticket_is_there, of_32_first_enables_one_opens,
                requests_are_numbered_without_gaps, requests_of_many_callers_are_numbered_without_gaps,
                portal_tickets_are_not_found_by_the_other_face, a_portal_lease_carries_the_books;
            portal_settling: every_kind_of_portal_order_changes_the_books,
                a_portal_settlement_that_is_too_late_writes_nothing, a_failed_portal_ticket_changes_nothing_but_the_version, restored_books_are_of_another_generation,
                an_address_is_one_customers, a_request_stands_where_its_ticket_stands,
                mailboxes_are_replaced_whole, a_ticket_changes_what_it_is_about;
            portal_reading: a_portal_customer_is_its_tenants, portal_customers_come_in_pages,
                tenants_are_listed_and_their_changes_noticed, a_tenants_user_calls_for_it_alone;
            imports: an_import_lands_in_one_moment, a_lease_carries_the_sims_keys_sealed,
                sealed_keys_are_there_once_they_landed, bad_rows_are_named, an_abandoned_import_leaves_nothing,
                a_new_import_takes_an_unfinished_one_back;
            operations: maintenance_and_stamps, tickets_are_listed, tickets_are_moved_by_hand,
                services_are_closed, queues_are_counted;
            support_cases: cases_are_listed_and_shown, cases_are_closed_once;
            reconciling: live_services_are_handed_out_once_a_period, a_slice_that_was_left_behind_is_handed_out_again,
                slices_of_many_nodes_do_not_overlap, the_sims_of_a_ticket_are_looked_at_after_its_end,
                a_ticket_can_be_looked_at_again, what_is_to_be_checked_can_be_read_in_pages, drifts_come_and_go,
                a_difference_counts_only_against_the_books_it_was_found_by, a_reassertion_changes_no_books,
                what_a_sim_was_ordered_is_read_newest_first, open_tickets_come_with_their_books,
                nothing_is_claimed_while_a_restored_database_is_adopted, the_heartbeat_never_goes_back;
        }

        #[test]
        fn random_histories_agree_with_the_model() {
            $crate::conformance::model::random_histories($fresh);
        }
    };
    (@ $fresh:path; $($theme:ident: $($promise:ident),+;)+) => {
        $(mod $theme {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let (store, _kept) = $fresh();
                $crate::conformance::$theme::$promise(store).await;
            })+
        })+
    };
}
pub(crate) use suite;

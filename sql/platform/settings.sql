-- What a cinema may choose: one row, changed by the owner of the database, never by what a client sends.

create table private.settings (
  singleton boolean primary key default true,
  lock_duration interval not null default '10 minutes',
  payment_duration interval not null default '10 minutes',
  seats_per_customer integer not null default 10,
  cancellation_notice interval not null default '2 hours',
  session_duration interval not null default '30 days',
  sign_in_window interval not null default '15 minutes',
  sessions_per_customer integer not null default 20,
  sign_in_attempts_per_account_and_address integer not null default 10,
  sign_in_attempts_per_account integer not null default 100,
  sign_in_attempts_per_address integer not null default 300,
  registrations_per_address integer default 50,
  payment_starts_per_customer integer default 30,
  seats_chosen_per_minute integer default 120,
  seats_held_per_customer integer default 20,
  holding_time_per_hour interval default '20 minutes',
  seat_cooldown interval default '5 minutes',
  unpaid_bookings_per_day integer default 10,
  returned_bookings_per_month integer default 5,
  human_check boolean not null default false,
  human_check_held_share integer not null default 50,
  human_check_duration interval not null default '30 minutes',
  human_checks_per_customer integer default 20,
  human_checks_per_address integer default 300,
  verification_duration interval not null default '24 hours',
  password_reset_duration interval not null default '30 minutes',
  account_emails_per_recipient integer default 3,
  account_emails_per_address integer default 30,
  staff_second_factor boolean not null default false,
  second_factor_attempts_per_account integer not null default 5,
  second_factor_attempts_per_day integer not null default 30,
  second_factor_attempts_per_address integer not null default 100,
  cinema_name text not null default 'Frontrow',
  contact_email text,
  contact_url text,
  postal_address text,
  sessions_kept interval default '30 days',
  outbox_kept interval default '90 days',
  availability_kept interval default '30 days',
  stripe_events_kept interval default '13 months',
  seat_lock_history_kept interval default '13 months',
  booking_log_kept interval default '10 years',
  guests_per_address integer default 100,
  unproved_seats_held integer default 10,
  unproved_unpaid_bookings_per_day integer default 5,
  guests_kept interval default '13 months',
  constraint there_is_one_row check (singleton),
  constraint durations_are_positive check (
    lock_duration > '0' and payment_duration > '0' and session_duration > '0' and sign_in_window > '0'),
  constraint notice_is_not_negative check (cancellation_notice >= '0'),
  constraint limits_are_positive check (
    seats_per_customer > 0 and sessions_per_customer > 0 and sign_in_attempts_per_account_and_address > 0
    and sign_in_attempts_per_account > 0 and sign_in_attempts_per_address > 0
    and registrations_per_address > 0 and payment_starts_per_customer > 0 and seats_chosen_per_minute > 0),
  constraint holding_limits_are_positive check (
    seats_held_per_customer > 0 and holding_time_per_hour > '0' and seat_cooldown > '0'
    and unpaid_bookings_per_day > 0 and returned_bookings_per_month > 0),
  constraint limits_of_the_unproved_are_positive check (
    guests_per_address > 0 and unproved_seats_held > 0 and unproved_unpaid_bookings_per_day > 0),
  constraint human_check_is_possible check (
    human_check_held_share >= 0 and human_check_held_share <= 100 and human_check_duration > '0'
    and human_checks_per_customer > 0 and human_checks_per_address > 0),
  constraint account_emails_are_possible check (
    verification_duration > '0' and password_reset_duration > '0'
    and account_emails_per_recipient > 0 and account_emails_per_address > 0),
  constraint second_factor_limits_are_positive check (
    second_factor_attempts_per_account > 0 and second_factor_attempts_per_day > 0
    and second_factor_attempts_per_address > 0),
  constraint cinema_is_named check (
    cinema_name ~ '^\S(.*\S)?$' and cinema_name !~ '[\u0001-\u001f\u007f-\u009f]' and char_length(cinema_name) <= 100),
  constraint contact_email_is_an_address check (contact_email ~ '^[^@\s<>]+@[^@\s<>]+$'),
  constraint contact_url_is_on_the_web check (contact_url ~ '^https?://[^\s"<>]+$'),
  constraint postal_address_is_given check (postal_address ~ '\S' and char_length(postal_address) <= 500),
  -- Long enough for whatever still asks: emails are tried for days, banks return refunds after weeks.
  constraint what_is_kept_lasts_a_while check (
    sessions_kept >= '1 day' and outbox_kept >= '30 days' and availability_kept >= '1 day'
    and stripe_events_kept >= '60 days' and seat_lock_history_kept >= '60 days' and booking_log_kept >= '60 days'
    and guests_kept >= '60 days')
);
alter table private.settings enable row level security;

comment on column private.settings.lock_duration is 'How long a selection is held, counted from its first seat.';
comment on column private.settings.payment_duration is 'How long a pending booking may take to pay, given once.';
comment on column private.settings.seats_per_customer is 'Seats one person may hold and have booked for a showtime.';
comment on column private.settings.cancellation_notice is 'A confirmed booking may be cancelled until so long before.';
comment on column private.settings.sessions_per_customer is
  'Sessions that one person may have at once; the next ends the oldest. People have fewer browsers than that.';
comment on column private.settings.sign_in_attempts_per_account_and_address is
  'Failures at one account from one address within sign_in_window, until one succeeds there. The one that people meet.';
comment on column private.settings.sign_in_attempts_per_account is
  'Failures at one account from all addresses together within sign_in_window. Reaching it locks its owner out.';
comment on column private.settings.sign_in_attempts_per_address is
  'Sign-ins from one address within sign_in_window, successes included: each costs a hash. Offices share one address.';
comment on column private.settings.registrations_per_address is
  'Accounts that one address may open within sign_in_window; null for no limit. Offices and schools share one address.';
comment on column private.settings.payment_starts_per_customer is
  'How often a customer may ask for the means to pay within sign_in_window, since each asks Stripe; null for no limit.';
comment on column private.settings.seats_chosen_per_minute is
  'Seats that a customer may newly lock at a showtime within a minute; null for no limit.';
comment on column private.settings.seats_held_per_customer is
  'Seats one person may hold, and not have paid for, at all showtimes together; null for no limit.';
comment on column private.settings.unproved_seats_held is
  'The same for guests, and for accounts whose address nobody has proved; null for no tighter limit.';
comment on column private.settings.guests_per_address is
  'Guests who may begin at one address within an hour; null for no limit. Offices and schools share one address.';
comment on column private.settings.holding_time_per_hour is
  'How long within an hour one may hold seats of a showtime and not buy them, paying included; null for no limit.';
comment on column private.settings.seat_cooldown is
  'How long somebody cannot have a seat again that they held long and did not buy; null for no limit.';
comment on column private.settings.unpaid_bookings_per_day is
  'Bookings one person may leave unpaid within a day; null for no limit.';
comment on column private.settings.unproved_unpaid_bookings_per_day is
  'The same for guests, and for accounts whose address nobody has proved; null for no tighter limit.';
comment on column private.settings.returned_bookings_per_month is
  'Paid bookings one person may cancel within 30 days before staff are asked; null for no limit. Stripe keeps fees.';
comment on column private.settings.human_check is
  'True where lock_seats asks for a human check while a showtime is under pressure. Flask and the page know one first.';
comment on column private.settings.human_check_held_share is
  'A showtime is under pressure while more than so many of a hundred seats that are not sold yet are held.';
comment on column private.settings.human_check_duration is 'For how long a session that passed is not asked again.';
comment on column private.settings.human_checks_per_customer is
  'Human checks that a customer may send within sign_in_window, since each asks the provider; null for no limit.';
comment on column private.settings.human_checks_per_address is
  'The same from one address, which offices and schools share; null for no limit.';
comment on column private.settings.verification_duration is 'How long a link that proves an address is good.';
comment on column private.settings.password_reset_duration is 'How long a link that replaces a password is good.';
comment on column private.settings.account_emails_per_recipient is
  'Emails with links that people may have sent to one address within an hour; null for no limit.';
comment on column private.settings.account_emails_per_address is
  'The same asked for from one address on the network, which offices and schools share; null for no limit.';
comment on column private.settings.staff_second_factor is
  'True where sessions of staff have a customer''s powers only, until they have proven a second factor.';
comment on column private.settings.second_factor_attempts_per_account is
  'Wrong codes for one account within sign_in_window, until one is right there. Who tries them knows the password.';
comment on column private.settings.second_factor_attempts_per_day is
  'The same within a day, which keeps patient guessers from the million codes that there are.';
comment on column private.settings.second_factor_attempts_per_address is
  'Codes tried from one address within sign_in_window, successes included. Offices share one address.';
comment on column private.settings.cinema_name is 'Whose emails they are: stands above and below each.';
comment on column private.settings.contact_email is
  'Where customers write to; emails name it. Null for none. Where emails come from is MAIL_FROM.';
comment on column private.settings.contact_url is
  'The page where customers find the cinema; emails name it. Null for none.';
comment on column private.settings.postal_address is
  'The address of the company, in lines; emails end with it. Null for none.';
comment on column private.settings.sessions_kept is
  'How long after its end a session is kept; null for good. A guest who booked nothing goes with the last one.';
comment on column private.settings.outbox_kept is
  'How long after its completion an email, or an order to Stripe, is kept; null for good. A booking''s go together.';
comment on column private.settings.availability_kept is
  'How long after a showtime it is kept what listings were told of it; null for good.';
comment on column private.settings.guests_kept is
  'How long after their last show guests have a name and an address; null for good. What they bought stays.';
comment on column private.settings.stripe_events_kept is
  'How long an event is kept, so that it has no effect again; null for good. Stripe sends none after 30 days.';
comment on column private.settings.seat_lock_history_kept is
  'How long after its end it is kept who held a seat; null for good.';
comment on column private.settings.booking_log_kept is
  'How long the audit log is kept, in whole months; null for good. Books of account have to be kept for so long.';

insert into private.settings default values;

-- The cinema as every email names it: {name, contact_email, contact_url, postal_address}.
create function private.cinema_json() returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('name', c.cinema_name, 'contact_email', c.contact_email, 'contact_url', c.contact_url,
                            'postal_address', c.postal_address)
  from private.settings c where c.singleton
$$;

-- Settings as they were, and until when: what was promised while they were in force still holds (check_invariants).
create table private.settings_log (
  id bigint generated always as identity primary key,
  row_data jsonb not null,
  replaced_at timestamptz not null default private.now()
);
alter table private.settings_log enable row level security;

-- Keeps the settings that are being replaced.
create function private.log_settings() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  insert into private.settings_log (row_data) values (to_jsonb(old));
  return null;
end
$$;

create trigger changes_are_logged after update on private.settings
  for each row when (old.* is distinct from new.*) execute function private.log_settings();

-- Every error that a client can meet, in one place. docs/errors.md lists them for people, backend/error_codes.py and
-- the page's types are generated from here.
--
-- `message` carries the code that programs switch on, `detail` JSON, `hint` the sentence for people. The SQLSTATE
-- PTxyz makes the Data API answer with HTTP status xyz. Where the detail says retry_after, in seconds, the answer has
-- the header Retry-After as well; for that alone PostgREST wants all of it as JSON under the SQLSTATE PGRST.

create function private.error_catalog()
returns table (code text, status integer, sentence text)
language sql immutable parallel safe set search_path = '' as $$
  values
    -- who you are
    ('sign_in_required',      401, 'Please sign in first.'),
    ('invalid_credentials',   401, 'Incorrect email or password.'),
    ('session_ended',         401, 'Your session has ended. Please sign in again.'),
    ('too_many_attempts',     429, 'Too many attempts. Please wait a while and try again.'),
    ('email_taken',           409, 'This email already has an account. Sign in instead?'),
    ('guests_only',           409, 'You have an account. Change your name and email there.'),
    ('password_required',     403, 'Enter the password of the account that this link belongs to.'),
    ('account_required',      403, 'Please create an account first.'),
    ('invalid_email',         422, 'Enter a valid email address.'),
    ('invalid_name',          422, 'Enter a name of 1 to 100 characters, on one line and without links.'),
    ('weak_password',         422, 'Choose a password of 10 to 200 characters that is not easy to guess.'),
    ('unknown_user',          404, 'Account not found.'),
    ('staff_only',            403, 'Staff only.'),
    ('link_expired',          410, 'This link has been used or has expired. Please ask for a new one.'),
    ('account_blocked',       403, 'This account is blocked. Please contact the cinema.'),
    ('second_factor_required', 403, 'This account asks for a code as well. Please sign in with your password.'),
    ('second_factor_exists',  409, 'This account has two-step verification already. Turn it off first.'),
    ('no_second_factor',      409, 'Two-step verification is not set up here. Please start again.'),
    ('invalid_code',          422, 'That code is not right, or it was used before. Please enter the next one.'),
    ('sign_in_expired',       401, 'That took too long. Please sign in again.'),
    -- what is on
    ('unknown_movie',         404, 'Film not found.'),
    ('unknown_theater',       404, 'Theater not found.'),
    ('human_check_failed',    422, 'That check did not succeed. Please try again.'),
    ('human_check_unavailable', 503, 'The check is unavailable right now. Please try again in a moment.'),
    -- choosing seats
    ('unknown_showtime',      404, 'Showtime not found.'),
    ('unknown_auditorium',    404, 'Auditorium not found.'),
    ('layout_outdated',       409, 'The seats of this auditorium have changed. Please load the page again.'),
    ('showtime_closed',       409, 'Seats for this showtime are no longer on sale.'),
    ('no_seats',              422, 'Select at least one seat.'),
    ('duplicate_seat',        422, 'Select each seat only once.'),
    ('too_many_seats',        422, 'That is more seats than you can book for one showtime.'),
    ('unknown_seat',          422, 'One of those seats is not in this auditorium.'),
    ('seat_taken',            409, 'One of those seats was just taken.'),
    ('seat_not_for_sale',     409, 'One of those seats is not on sale for this showtime.'),
    ('human_check_required',  403, 'Please confirm that you are a person, then choose again.'),
    ('booking_pending',       409, 'You have an unpaid order for this showtime. Pay for it or cancel it first.'),
    ('too_many_held',         409, 'You hold as many unpaid seats as one person may. Pay for some or release some first.'),
    ('seat_cooldown',         429, 'You held one of those seats and did not buy it. Choose another, or try again later.'),
    ('holding_paused',        429, 'You have held seats for this showtime for a while. Others get a turn; try again later.'),
    -- booking and paying
    ('too_many_unpaid',       429, 'You left several orders unpaid. Please try again later.'),
    ('too_many_returned',     409, 'You returned several orders lately. Please try again later, or contact the cinema.'),
    ('lock_expired',          409, 'Your hold expired and the seats were released. Choose others, or wait a few minutes.'),
    ('amount_not_payable',    422, 'This total cannot be paid online. Please choose other seats.'),
    ('unknown_booking',       404, 'Booking not found.'),
    ('not_cancellable',       409, 'This booking can no longer be cancelled.'),
    ('contact_required',      409, 'Enter your name and email first: your tickets go there.'),
    ('not_payable',           409, 'This booking can no longer be paid for.'),
    ('no_ticket',             409, 'There is no ticket for this booking.'),
    ('payment_unavailable',   503, 'Payments are unavailable right now. You have not been charged; please try again.'),
    -- how you ask
    ('invalid_request',       400, 'Invalid request.'),
    ('invalid_signature',     400, 'Invalid signature.'),
    ('not_found',             404, 'Not found.'),
    ('method_not_allowed',    405, 'Method not allowed.'),
    ('payload_too_large',     413, 'The request is too large.'),
    ('busy',                  503, 'Frontrow is busy right now. Please try again in a moment.'),
    ('internal',              500, 'Something went wrong on our side. Please try again later.')
$$;

-- Raises the error of that code and never returns. An unknown code is a mistake of ours and says so.
create function private.raise_api_error(p_code text, p_detail jsonb default '{}') returns void
language plpgsql volatile set search_path = '' as $$
declare
  v_error record;
begin
  select * into strict v_error from private.error_catalog() where code = p_code;
  if p_detail ? 'retry_after' then
    raise exception using
      errcode = 'PGRST',
      message = json_build_object('code', 'PT' || v_error.status, 'message', p_code, 'details', p_detail::text,
                                  'hint', v_error.sentence),
      detail = json_build_object('status', v_error.status,
                                 'headers', json_build_object('Retry-After', p_detail ->> 'retry_after'));
  end if;
  raise exception using
    errcode = 'PT' || v_error.status, message = p_code, detail = p_detail::text, hint = v_error.sentence;
end
$$;

-- Refuses an argument of a function, and names it in the detail. Raises invalid_request.
create function private.refuse_argument(p_name text) returns void
language plpgsql volatile set search_path = '' as $$
begin
  perform private.raise_api_error('invalid_request', jsonb_build_object('argument', p_name));
end
$$;

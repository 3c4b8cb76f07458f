-- Emails about an account: what is enqueued, what it says, and how many of them anybody may have sent.

-- Enqueues an email about an account: to its own address, or to another one. Of which account is found out when it is
-- written, where p_user_id is null.
create function private.enqueue_account_mail(
  p_kind private.outbox_kind, p_user_id uuid, p_email text default null) returns void
language sql volatile set search_path = '' as $$
  insert into private.outbox (kind, key, user_id, payload, due_at)
  values (p_kind, 'account:' || gen_random_uuid(), p_user_id, jsonb_strip_nulls(jsonb_build_object('email', p_email)),
          private.now())
$$;

-- The account that a row of the outbox is about: its own, or whichever its address leads to. No row where there is
-- none.
create function private.account_of_email(p_row private.outbox) returns public.users
language sql stable set search_path = '' as $$
  select u.* from public.users u
  where u.id = coalesce(p_row.user_id, (private.account_of(p_row.payload ->> 'email')).id)
$$;

-- What an email about an account says: {customer: {email, full_name}, language, cinema (private.cinema_json), known,
-- taken}. email: where it goes. known: false where nobody has an account with the address that somebody typed. taken:
-- whether the address belongs to somebody else already; full_name is null there, since the reader is not who asked.
create function private.account_email_context(p_row private.outbox) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_user public.users := private.account_of_email(p_row);
  v_email text := coalesce(p_row.payload ->> 'email', v_user.email);
  v_taken boolean := v_user.id is not null and exists (
    select from public.users u where u.email = v_email and u.email_verified_at is not null and u.id <> v_user.id);
begin
  return jsonb_build_object(
    'customer', jsonb_build_object('email', v_email, 'full_name', case when not v_taken then v_user.full_name end),
    'language', coalesce(v_user.language, 'en-US'), 'cinema', private.cinema_json(), 'known', v_user.id is not null,
    'taken', v_taken);
end
$$;

-- Tells the owner of an account what has happened to it. Nobody whose address is not proved: it may be a stranger's who
-- never heard of the account.
create function private.notify_owner(p_kind private.outbox_kind, p_user_id uuid) returns void
language sql volatile set search_path = '' as $$
  select private.enqueue_account_mail(p_kind, u.id) from public.users u
  where u.id = p_user_id and u.email_verified_at is not null
$$;

-- Counts an email that somebody asks for, at this address where one is given: 0, or in how many seconds the next may be
-- asked for. Those that reset a password have a limit of their own: strangers who register with an address must not use
-- up what its owner needs.
create function private.check_account_mail_limit(
  p_email text, p_address text default null, p_kind text default 'account_mail_to') returns integer
language sql volatile set search_path = '' as $$
  select private.check_rate_limit(array[
    row('account_mail_from:' || p_address, case when p_address is not null then c.account_emails_per_address end,
        interval '1 hour'),
    row(p_kind || ':' || p_email, c.account_emails_per_recipient, interval '1 hour')]::private.rate_limit[])
  from private.settings c where c.singleton
$$;

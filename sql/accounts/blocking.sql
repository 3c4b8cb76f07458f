-- Blocked people.

-- Keeps somebody out, or lets them in again, with all that there are of that address, guests among them: no sign-in, no
-- session, no seats, no order. Tickets stay valid and money goes back where it has to. Whoever comes with another
-- address, or anew, is somebody else. False where nobody has that address. Raises busy.
create function public.block_user(email text, blocked boolean default true) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_now timestamptz := private.now();
  v_user_id uuid;
  v_found boolean := false;
begin
  for v_user_id in
    select u.id from public.users u where u.email = private.normalize_email(block_user.email)
    order by u.id for no key update
  loop
    v_found := true;
    update public.users u set blocked_at = case when block_user.blocked then coalesce(u.blocked_at, v_now) end
    where u.id = v_user_id;
    if block_user.blocked then
      perform private.end_sessions(v_user_id, 'blocked');
    end if;
  end loop;
  return v_found;
exception
  when deadlock_detected or lock_not_available then
    perform private.raise_api_error('busy');
end
$$;

grant execute on function public.block_user(text, boolean) to service_role;

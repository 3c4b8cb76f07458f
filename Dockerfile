# The Flask app and the worker: one image, two commands. docs/deploy.md says how to run it; a test checks what this file
# promises, without building it.

# 3.11 is what the tests run on. A tag moves. For builds that repeat to the byte, and that nobody can change behind the tag, give
# the base by its digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:..., or PYTHON_IMAGE of compose.yaml. docs/deploy.md
# says how to find it; it is not written here, because then no build would get the base's security updates.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /app
COPY requirements.txt ./
# Each package is the very file that was tested. pip is removed from the app's environment at the end, and so needs no updates
# there; the base image has one of its own, which is updated with the base.
RUN python -m venv .venv \
 && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --quiet --require-hashes -r requirements.txt \
 && .venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY gunicorn.conf.py wsgi.py ./
COPY backend ./backend
# The file system is read-only later, so Python cannot store bytecode then.
RUN .venv/bin/python -m compileall -q backend gunicorn.conf.py wsgi.py

FROM ${PYTHON}
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /app ./
# A number, so that Kubernetes can see that it is not root; no account of that name need exist.
USER 10001:10001
EXPOSE 5000
# Checks that this process answers. /readyz also checks the database and Stripe: that is for a load balancer, and no reason
# to restart a process.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('PORT') or 5000), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
CMD ["gunicorn", "wsgi:app"]

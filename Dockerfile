FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/arkway
COPY requirements.lock ./
RUN /opt/arkway/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY gateway gateway
# The build backend came with the lock; it and pip have no work in the final image.
RUN /opt/arkway/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/arkway/bin/pip uninstall --yes --quiet hatchling editables pathspec pluggy trove-classifiers tomlkit packaging pip

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin arkway \
 && install --directory --owner=arkway --group=arkway /data
COPY --from=build /opt/arkway /opt/arkway
ENV PATH=/opt/arkway/bin:$PATH \
    TMPDIR=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
# The database and the files lie in the working directory, and uploads on their way in: nothing else is written to.
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; port = os.environ.get('ARKWAY_SERVER__PORT', 8080); r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{port}/health/ready', timeout=2)"]
ENTRYPOINT ["arkway"]
CMD ["serve", "--host", "0.0.0.0"]

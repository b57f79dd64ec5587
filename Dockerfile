# The wheel is built in one stage and installed in another, which has no compiler. Nothing runs as root, and nothing is
# written outside /data and /tmp, so the root file system may be read-only.
FROM rust:1-slim-bookworm AS wheel
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir "maturin>=1.9.4,<2"
WORKDIR /src
COPY . .
RUN /opt/build/bin/maturin build --release --locked --out /wheels

FROM python:3.13-slim-bookworm
COPY --from=wheel /wheels /wheels
RUN python -m venv /opt/tradecore \
    && /opt/tradecore/bin/pip install --no-cache-dir "$(echo /wheels/*.whl)[live,server,alerts,postgres]" \
    && rm -rf /wheels \
    && useradd --system --uid 10001 --home-dir /data --create-home tradecore
COPY deploy/engine.toml /etc/tradecore/engine.toml
ENV PATH=/opt/tradecore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRADECORE_CONFIG=/etc/tradecore/engine.toml \
    PORT=8080 \
    METRICS_PORT=9091
WORKDIR /data
VOLUME /data
USER 10001
EXPOSE 8080 9091
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=4)"]
# exec: signals reach the session, which ends in order.
CMD ["sh", "-c", "exec tradecore serve --config \"$TRADECORE_CONFIG\" --port \"$PORT\" --metrics-port \"$METRICS_PORT\" --quiet"]

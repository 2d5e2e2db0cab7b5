# One image, several commands: `serve` (default), `learner`, `status`, … State lives on the volume /state.
#   docker build -t livegraft .
#   docker run -p 8000:8000 -v livegraft:/state -e LIVEGRAFT_KEYS='[{"name":"me","key":"change-me","scopes":["chat","feedback","operator"]}]' livegraft
# Without keys the server refuses to listen beyond loopback, so a container needs at least one.
FROM python:3.12-slim-bookworm

RUN useradd --create-home --uid 1000 livegraft && mkdir /state && chown livegraft /state
WORKDIR /app
COPY pyproject.toml constraints.txt models.txt README.md LICENSE ./
COPY scripts ./scripts
COPY server ./server
COPY adapter_store ./adapter_store
COPY guardian ./guardian
RUN scripts/setup run && chown -R livegraft /app

USER livegraft
ENV LIVEGRAFT_HOME=/state LIVEGRAFT_HOST=0.0.0.0 LIVEGRAFT_PORT=8000
VOLUME /state
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
  CMD /app/.venv/bin/python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"
ENTRYPOINT ["/app/.venv/bin/livegraft"]
CMD ["serve"]

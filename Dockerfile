# One image, several commands: `serve` (default), `status`, `plan`, … All state lives on the volume /state.
#   docker build --target cpu -t livegraft .          docker build --target cuda -t livegraft:cuda .
#   docker run -p 8000:8000 -v livegraft:/state -e LIVEGRAFT_KEYS='[{"name":"me","key":"change-me","scopes":["chat","feedback","operator"]}]' livegraft
#   docker run --rm livegraft plan --model seedling
# Without keys the server refuses to listen beyond loopback, so a container needs at least one.
# TORCH names the build of torch. A bare version is whatever the package index has, on Linux usually the one for
# CUDA; a build for CPUs alone, some gigabytes smaller, needs its own index:
#   --build-arg TORCH=torch==2.13.0+cpu --build-arg PIP_EXTRA_INDEX_URL=…
ARG PYTHON=3.12-slim-bookworm

FROM python:${PYTHON} AS build
ARG TORCH=torch==2.13.0
ARG PIP_EXTRA_INDEX_URL=
ENV LIVEGRAFT_TORCH=${TORCH} PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL} PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY pyproject.toml constraints.txt models.txt README.md LICENSE ./
COPY scripts/setup ./scripts/setup
COPY server ./server
COPY adapter_store ./adapter_store
COPY guardian ./guardian
RUN scripts/setup run

FROM python:${PYTHON} AS cpu
# volumes that are made over these folders take their owner: /adapters is what vLLM may read of ours
RUN useradd --create-home --uid 1000 livegraft \
  && install --directory --owner=livegraft --mode=0700 /state \
  && install --directory --owner=livegraft --mode=0755 /adapters
COPY --from=build /app /app
USER 1000
WORKDIR /state
ENV LIVEGRAFT_HOME=/state LIVEGRAFT_HOST=0.0.0.0 LIVEGRAFT_PORT=8000 HF_HOME=/state/hub
VOLUME /state
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=120s \
  CMD ["/app/.venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["/app/.venv/bin/livegraft"]
CMD ["serve"]

# torch brings CUDA's libraries; of the host only the driver is needed, and nvidia-smi for the memory plan.
FROM cpu AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

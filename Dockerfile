# The page on a CPU:  docker build -t restorecolor . && docker run --rm -p 7860:7860 restorecolor
# A command instead:  docker run --rm -v "$PWD:/photos" -u "$(id -u):$(id -g)" restorecolor restorecolor restore old.jpg --out restored
# (another base or another source of PyTorch: --build-arg BASE=… --build-arg TORCH_INDEX=…)
ARG BASE=python:3.12-slim
FROM ${BASE}
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /restorecolor
COPY settings.ini setup.py pyproject.toml MANIFEST.in README.md LICENSE ./
COPY restorecolor ./restorecolor

# a matched pair of PyTorch and torchvision for CPUs first: the usual ones bring 4 GB of CUDA along
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch<2.15" torchvision \
 && pip install --no-cache-dir '.[app]'

RUN useradd --create-home person
USER person
WORKDIR /photos
# caches where anybody may write, whoever -u names
ENV OMP_WAIT_POLICY=PASSIVE MPLCONFIGDIR=/tmp
EXPOSE 7860
CMD ["restorecolor", "app", "--host", "0.0.0.0"]

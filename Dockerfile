FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements.txt .
RUN pip install -r requirements.txt

COPY . .
RUN HMM_DATA_DIR=/tmp/build python manage.py collectstatic --no-input -v 0 && rm -rf /tmp/build \
    && useradd --create-home --uid 1000 hmm && install -d -o hmm -g hmm /data

# The database is in /data too, unless DATABASE_URL names another.
ENV HMM_DATA_DIR=/data HMM_HOST=0.0.0.0 HMM_PORT=8000
VOLUME /data
EXPOSE 8000
USER hmm

HEALTHCHECK --interval=30s --timeout=10s --start-period=90s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"HMM_PORT\"]}/healthz', timeout=8)"]
CMD ["python", "manage.py", "up"]

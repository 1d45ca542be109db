-- What our deployment services and programs answer when nothing is really asked: for rehearsals of
-- every cluster file here. A row that is asked for so many `times` gives its turn to the next.
return model "services" {
  release = "2.5",
  replicas = 5,
  tables = { { name = "users", partitions = 64, written = true } },

  programs = {
    { match = "ssh -o BatchMode=yes", takes = "40s", output = "installed, started" },
  },

  http = {
    -- deploy.example: a job that takes about twenty seconds.
    { match = "POST https://deploy.example/", status = 202, location = "/v1/jobs/7", takes = "300ms" },
    { match = "GET https://deploy.example/v1/jobs/", body = [[{"state":"running"}]], times = 3 },
    { match = "GET https://deploy.example/v1/jobs/", body = [[{"state":"done"}]] },

    -- AWX
    { match = "POST https://awx.example/", status = 201,
      body = [[{"id":9,"url":"/api/v2/jobs/9/","status":"pending"}]] },
    { match = "GET https://awx.example/api/v2/jobs/", times = 2,
      body = [[{"id":9,"url":"/api/v2/jobs/9/","status":"running"}]] },
    { match = "GET https://awx.example/api/v2/jobs/",
      body = [[{"id":9,"url":"/api/v2/jobs/9/","status":"successful"}]] },

    -- Jenkins: the queue, then the build.
    { match = "POST https://jenkins.example/", status = 201,
      location = "https://jenkins.example/queue/item/3/" },
    { match = "GET https://jenkins.example/queue/", times = 1, body = [[{"why":"waiting for an executor"}]] },
    { match = "GET https://jenkins.example/queue/",
      body = [[{"executable":{"url":"https://jenkins.example/job/pegasus/12/"}}]] },
    { match = "GET https://jenkins.example/job/", times = 4, body = [[{"result":null}]] },
    { match = "GET https://jenkins.example/job/", body = [[{"result":"SUCCESS"}]] },

    -- Kubernetes: the old image runs until the new one was pulled.
    { match = "PATCH https://kubernetes.example", body = "{}" },
    { match = "GET https://kubernetes.example", times = 2, body = [[{
      "spec": {"containers": [{"image": "pegasus:2.5.0"}]},
      "status": {"containerStatuses": [{"ready": true, "image": "pegasus:2.4.0", "state": {}}]}}]] },
    { match = "GET https://kubernetes.example", body = [[{
      "spec": {"containers": [{"image": "pegasus:2.5.0"}]},
      "status": {"containerStatuses": [{"ready": true, "image": "pegasus:2.5.0", "state": {}}]}}]] },
  },
}

"""AWS's service models in botocore."""

from collections import defaultdict

import botocore.loaders


def operations():
    """APIs and their HTTP methods, by the first part of the event source: a service's endpoint, signing or model name."""
    apis = defaultdict(dict)
    loader = botocore.loaders.Loader()
    for service in loader.list_available_services("service-2"):
        model = loader.load_service_model(service, "service-2")
        metadata = model["metadata"]
        methods = {name: of["http"]["method"] for name, of in model["operations"].items()}
        for name in {service, metadata["endpointPrefix"], metadata.get("signingName", service)}:
            apis[name].update(methods)
    return apis

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is in the pods that an API server has made?

	pod.py LIST FACT CONTAINER...

LIST is `kubectl get pod -o json`; each FACT is about one container of the
first pod:
	injected	it has the bundle, LD_PRELOAD and the policy, can change
			neither file, and the init container comes first
	plain		it has none of it
	resource	it asks for an RDMA resource
	guaranteed	so is the pod's quality of service
Prints what is wrong.
"""
import json
import sys


def has_mount(container, name, path):
    return any(m['name'] == name and m['mountPath'] == path
               for m in container.get('volumeMounts', []))


def is_fixed(container, path):
    """Is it mounted there, and may not be written to?"""
    return any(m['mountPath'] == path and m.get('readOnly') is True
               for m in container.get('volumeMounts', []))


def environment(container):
    return {e['name']: e.get('value') for e in container.get('env', [])}


def injected(pod, container):
    spec = pod['spec']
    first = spec.get('initContainers', [{}])[0]
    volumes = {v['name']: v for v in spec.get('volumes', [])}
    variables = environment(container)
    policy = variables.get('SHUNT_CONF') == '/etc/shunt/shunt.conf'
    return {
        'init container': first.get('name') == 'shunt' and
        has_mount(first, 'shunt', '/volume') and
        first['securityContext'].get('readOnlyRootFilesystem') is True,
        'volume': 'emptyDir' in volumes.get('shunt', {}),
        'policy volume': 'configMap' in volumes.get('shunt-policy', {}),
        'LD_PRELOAD': variables.get('LD_PRELOAD', '').split(':')[0] ==
        '/opt/shunt/libshunt.so',
        'policy': policy or 'SHUNT_RULES' in variables,
        'mounts': has_mount(container, 'shunt', '/opt/shunt') and
        has_mount(container, 'shunt-policy', '/etc/shunt'),
        'read only': is_fixed(container, '/opt/shunt') and
        is_fixed(container, '/etc/shunt'),
    }


def plain(_, container):
    return {'nothing of it': 'LD_PRELOAD' not in environment(container) and
            not has_mount(container, 'shunt', '/opt/shunt')}


def resource(_, container):
    limits = container.get('resources', {}).get('limits', {})
    return {'a resource': any(name.startswith('rdma/') for name in limits)}


def guaranteed(pod, _):
    return {'Guaranteed': pod['status'].get('qosClass') == 'Guaranteed'}


FACTS = {'injected': injected, 'plain': plain, 'resource': resource,
         'guaranteed': guaranteed}


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        pod = json.load(file)['items'][0]
    containers = {c['name']: c for c in pod['spec']['containers']}
    wrong = []
    for fact, name in zip(sys.argv[2::2], sys.argv[3::2]):
        parts = FACTS[fact](pod, containers[name])
        wrong += [f'{name}: not {part}' for part, is_so in parts.items()
                  if not is_so]
    if wrong:
        print(*wrong, json.dumps(pod, indent=1), sep='\n')
    return bool(wrong)


sys.exit(main())

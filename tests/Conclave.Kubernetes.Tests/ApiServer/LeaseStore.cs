using System.Globalization;
using System.Text.Json.Nodes;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>
/// The objects and their history. One version counts for the whole store and grows with every write, by more than one now and then, for other objects of a cluster take versions too. A write
/// that changes nothing makes no version, as with the real one. Thread-safe.
/// </summary>
internal sealed class LeaseStore
{
    private const int HistoryMax = 500;

    private readonly string _file;
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, JsonObject> _leases = new(StringComparer.Ordinal);
    private readonly List<(long Version, string Type, string Key, JsonObject Lease)> _history = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _version = 1000;

    // Changes up to here are forgotten.
    private long _compacted;

    public LeaseStore(string file)
    {
        _file = file;
        if (File.Exists(file))
        {
            var stored = JsonNode.Parse(File.ReadAllText(file))!;
            _version = (long)stored["version"]!;
            foreach (var (key, lease) in stored["leases"]!.AsObject())
                _leases.Add(key, lease!.DeepClone().AsObject());
        }

        _compacted = _version;
    }

    public Task Changed
    {
        get
        {
            lock (_gate)
                return _changed.Task;
        }
    }

    public static JsonObject Bookmark(long version) => new()
    {
        ["type"] = "BOOKMARK",
        ["object"] = new JsonObject
        {
            ["kind"] = "Lease",
            ["apiVersion"] = "coordination.k8s.io/v1",
            ["metadata"] = new JsonObject { ["resourceVersion"] = Text(version), ["creationTimestamp"] = null },
            ["spec"] = new JsonObject(),
        },
    };

    public JsonObject Get(string ns, string name)
    {
        lock (_gate)
            return Stored(ns, name).DeepClone().AsObject();
    }

    public JsonObject List(string ns, string? name)
    {
        lock (_gate)
        {
            return new JsonObject
            {
                ["kind"] = "LeaseList",
                ["apiVersion"] = "coordination.k8s.io/v1",
                ["metadata"] = new JsonObject { ["resourceVersion"] = Text(_version) },
                ["items"] = new JsonArray([.. _leases.Where(lease => Matches(lease.Key, ns, name)).Select(lease => lease.Value.DeepClone())]),
            };
        }
    }

    public JsonObject Create(string ns, JsonObject lease)
    {
        lock (_gate)
        {
            var metadata = LeaseRules.Metadata(lease);
            var name = (string?)metadata["name"] ?? throw LeaseRules.Invalid("", "metadata.name: Required value: name or generateName is required");
            if (metadata["resourceVersion"] is not null)
                throw new RefusalException(500, "InternalError", "resourceVersion should not be set on objects to be created");
            LeaseRules.Check(name, lease);
            if (_leases.ContainsKey(Key(ns, name)))
                throw new RefusalException(409, "AlreadyExists", $"leases.coordination.k8s.io \"{name}\" already exists");
            metadata["namespace"] = ns;
            metadata["uid"] = Guid.NewGuid().ToString();
            metadata["creationTimestamp"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
            return Write("ADDED", Key(ns, name), lease);
        }
    }

    public JsonObject Update(string ns, string name, JsonObject lease)
    {
        lock (_gate)
        {
            var metadata = LeaseRules.Metadata(lease);
            if ((string?)metadata["name"] != name)
                throw new RefusalException(400, "BadRequest", "the name of the object does not match the name on the URL");
            LeaseRules.Check(name, lease);
            var uid = (string?)metadata["uid"];
            if (!_leases.TryGetValue(Key(ns, name), out var stored))
            {
                // Leases may be created by a PUT, but not those that were something else before.
                if (uid is not null || metadata["resourceVersion"] is not null)
                    throw Conflict(name, $"StorageError: invalid object, Code: 4, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: ");
                return Create(ns, lease);
            }

            var known = stored["metadata"]!;
            if (uid is not null && uid != (string?)known["uid"])
                throw Conflict(name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {known["uid"]}");
            if ((string?)metadata["resourceVersion"] is not { Length: > 0 } version)
                throw LeaseRules.Invalid(name, "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update");
            if (version != (string?)known["resourceVersion"])
                throw Conflict(name, "the object has been modified; please apply your changes to the latest version and try again");
            foreach (var kept in (string[])["namespace", "uid", "creationTimestamp", "resourceVersion"])
                metadata[kept] = known[kept]!.DeepClone();
            return JsonNode.DeepEquals(stored, lease) ? stored.DeepClone().AsObject() : Write("MODIFIED", Key(ns, name), lease);
        }
    }

    public JsonObject Patch(string ns, string name, JsonObject patch)
    {
        lock (_gate)
            return Update(ns, name, LeaseRules.Merge(Stored(ns, name).DeepClone().AsObject(), patch));
    }

    public void Delete(string ns, string name)
    {
        lock (_gate)
        {
            var gone = Stored(ns, name);
            _leases.Remove(Key(ns, name));
            Write("DELETED", Key(ns, name), gone);
        }
    }

    /// <summary>What a watch begins with: nothing after a version that is remembered, all that is there without one, and an error after one that is forgotten.</summary>
    public IReadOnlyList<JsonObject> Begin(string ns, string? name, string version, out long seen)
    {
        lock (_gate)
        {
            seen = _version;
            if (version is "" or "0")
                return [.. _leases.Where(lease => Matches(lease.Key, ns, name)).Select(lease => Event("ADDED", lease.Value))];
            if (!long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out seen))
                throw new RefusalException(400, "BadRequest", $"Invalid value: \"{version}\": strconv.ParseUint");
            if (seen > _version)
                throw new RefusalException(504, "Timeout", $"Too large resource version: {seen}, current: {_version}");
            return [];
        }
    }

    public IReadOnlyList<JsonObject> After(string ns, string? name, ref long seen)
    {
        lock (_gate)
        {
            var from = seen;
            if (from < _compacted)
            {
                var expired = new RefusalException(410, "Expired", $"too old resource version: {from} ({_compacted})").ToStatus();
                return [new JsonObject { ["type"] = "ERROR", ["object"] = expired }];
            }

            seen = _version;
            return [.. _history.Where(change => change.Version > from && Matches(change.Key, ns, name)).Select(change => Event(change.Type, change.Lease))];
        }
    }

    private static JsonObject Event(string type, JsonObject lease) => new() { ["type"] = type, ["object"] = lease.DeepClone() };

    private static RefusalException Conflict(string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on leases.coordination.k8s.io \"{name}\": {why}");

    private static string Key(string ns, string name) => $"{ns}/{name}";

    private static bool Matches(string key, string ns, string? name) => name is null ? key.StartsWith(ns + "/", StringComparison.Ordinal) : key == Key(ns, name);

    private static string Text(long version) => version.ToString(CultureInfo.InvariantCulture);

    private JsonObject Stored(string ns, string name) =>
        _leases.TryGetValue(Key(ns, name), out var lease) ? lease : throw new RefusalException(404, "NotFound", $"leases.coordination.k8s.io \"{name}\" not found");

    private JsonObject Write(string type, string key, JsonObject lease)
    {
        lease = lease.DeepClone().AsObject();
        _version += 1 + (Random.Shared.Next(4) / 3);
        lease["kind"] = "Lease";
        lease["apiVersion"] = "coordination.k8s.io/v1";
        lease["metadata"]!["resourceVersion"] = Text(_version);
        if (type != "DELETED")
            _leases[key] = lease;
        _history.Add((_version, type, key, lease));
        if (_history.Count > HistoryMax)
        {
            _compacted = _history[0].Version;
            _history.RemoveAt(0);
        }

        Save();
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
        return lease.DeepClone().AsObject();
    }

    // Whole and by a rename, so that a kill at any moment leaves one state or the other.
    private void Save()
    {
        var state = new JsonObject
        {
            ["version"] = _version,
            ["leases"] = new JsonObject(_leases.Select(lease => KeyValuePair.Create(lease.Key, (JsonNode?)lease.Value.DeepClone()))),
        };
        File.WriteAllText(_file + ".new", state.ToJsonString());
        File.Move(_file + ".new", _file, overwrite: true);
    }
}

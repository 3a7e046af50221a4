using Conclave.Wire.Etcd;

namespace Conclave.Server.Services;

/// <summary><c>etcdserverpb.Cluster</c>: who the members are. Changing them comes with a later issue and is Unimplemented until then.</summary>
internal sealed class ClusterService(EtcdMethodMap map)
{
    public void Map() => map.Unary(EtcdMethods.MemberList, MemberListAsync);

    private async Task<MemberListResponse> MemberListAsync(MemberListRequest request, CancellationToken cancellation)
    {
        var (published, revision) = await map.Member.ReadAsync(
            request.Linearizable, applier => (applier.Members.ToDictionary(), applier.Store.Current), cancellation);
        var response = new MemberListResponse { Header = map.Header(revision) };
        foreach (var member in map.Member.Members.OrderBy(m => m.Id))
        {
            // Like etcd: who has not published itself yet has no name.
            var known = published.GetValueOrDefault(member.Id);
            response.Members.Add(new Member
            {
                ID = member.Id.Value,
                Name = known?.Name ?? "",
                PeerURLs = { member.PeerUrls },
                ClientURLs = { known?.ClientUrls ?? [] },
            });
        }

        return response;
    }
}
